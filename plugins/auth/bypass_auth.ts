/** Sends no credential; fixed headers of a remote server come from its config.headers. */
import { Effect, Schema } from "effect"
import { Auth, Plugin } from "#plugin"

export default Plugin.define("auth", {
  name: "bypass_auth",
  summary: "Sends no credential",
  config: Schema.Struct({}),
  build: () => Effect.succeed({ credential: () => Effect.succeed(Auth.none) })
})
