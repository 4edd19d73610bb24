/** `manifold status`: what is wanted of a running gateway, what is, and what to do about the difference. */
import { Clock, Console, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { GatewayStatus } from "../reconcile/Status.ts"
import { width } from "./Layout.ts"
import { ask, baseOf, orNoGateway, url, urlOr } from "./Running.ts"
import { allServe, sayStatus } from "./StatusTable.ts"
import { failed, Stopped } from "./Stopped.ts"

export const status = Command.make("status", {
  url,
  json: Flag.Boolean("json").pipe(Flag.withDescription("Print the gateway's answer as JSON"), Flag.withDefault(false))
}, Effect.fnUntraced(function*(input) {
  const at = urlOr(input.url)
  const { json, value } = yield* ask(at, "/api/v1/servers", GatewayStatus)
  const reader = { now: yield* Clock.currentTimeMillis, width: width() }
  yield* Console.log(input.json ? JSON.stringify(json, null, 2) : sayStatus(baseOf(at), value, reader))
  if (!allServe(value)) return yield* new Stopped({ code: failed })
}, orNoGateway)).pipe(
    Command.withDescription(
      "Say for each server of a running gateway what is wanted, what is, and what comes next; exit code 1 when something does not serve, 69 when no gateway answers"
    ),
    Command.withShortDescription("Say how the servers of a running gateway are"),
    Command.withExamples([
      { command: "manifold status", description: "The gateway at http://127.0.0.1:8080" },
      { command: "manifold status --url http://127.0.0.1:9000/mcp --json", description: "Another one, for a script" }
    ])
  )
