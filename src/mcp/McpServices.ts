/** What every front of the protocol needs. */
import type { LogLevels } from "../backend/LogLevels.ts"
import type { Catalogue } from "../catalogue/Catalogue.ts"
import type { Consents } from "../guard/Consents.ts"
import type { Router } from "../router/Router.ts"
import type { Parking } from "./Parking.ts"
import type { Sessions } from "./Sessions.ts"

export type McpServices = Catalogue | Consents | LogLevels | Parking | Router | Sessions
