/** All that a front of the protocol needs, with nothing behind it. */
import { Layer } from "effect"
import { LogLevels } from "../../src/backend/LogLevels.ts"
import { Subscriptions } from "../../src/backend/Subscriptions.ts"
import { Catalogue } from "../../src/catalogue/Catalogue.ts"
import { Base } from "../../src/guard/Base.ts"
import { Consents } from "../../src/guard/Consents.ts"
import { Parking } from "../../src/mcp/Parking.ts"
import { Sessions } from "../../src/mcp/Sessions.ts"
import { Router } from "../../src/router/Router.ts"
import { TaskIds } from "../../src/router/TaskIds.ts"
import { Store } from "../../src/store/Store.ts"

const consents = Consents.layer.pipe(Layer.provide(Layer.merge(Base.layer, Store.memory)))
const base = Layer.mergeAll(Catalogue.layer, LogLevels.layer, Subscriptions.layer, consents)

export const mcpServices = Layer.mergeAll(Sessions.layer, Router.layer.pipe(Layer.provide(TaskIds.ephemeral)), Parking.layer).pipe(Layer.provideMerge(base))
