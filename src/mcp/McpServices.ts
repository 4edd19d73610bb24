/** What every front of the protocol needs, and who calls until there is sign-in. */
import type { LogLevels } from "../backend/LogLevels.ts"
import type { Catalogue } from "../catalogue/Catalogue.ts"
import type { Principal } from "../plugin/Auth.ts"
import type { Router } from "../router/Router.ts"
import type { Parking } from "./Parking.ts"
import type { Sessions } from "./Sessions.ts"

export type McpServices = Catalogue | LogLevels | Parking | Router | Sessions

/** Without sign-in, whoever reaches the loopback address is one local user. */
export const LOCAL: Principal = { issuer: "local", subject: "local" }
