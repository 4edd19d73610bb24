/** Where issuers send browsers back to; authorization servers of backends to this with the server's name behind it. */
import { Context } from "effect"

export class CallbackPath extends Context.Service<CallbackPath, string>()("manifold/oauth/CallbackPath") {}
