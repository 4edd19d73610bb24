import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as fc from "fast-check"
import { stringify } from "yaml"
import { loadTexts } from "../kit/manifest.ts"

const words = [
  "version", "hosting", "host", "port", "transports", "http", "sse", "path", "drain", "aggregation", "prefix", "routing", "timeout", "retry",
  "servers", "id", "type", "auth_strategy", "auth_config", "config", "args", "environment", "headers", "enabled", "sandbox", "limits", "plugins",
  "use", "master_oauth", "authorization_server", "clients", "constructor", "toString", "valueOf", "", "x y", "PATH"
]

const scalar = fc.oneof(
  fc.constantFrom<unknown>(1, 0, -1, 1.5, true, false, null, "", "a", "local", "always", "5s", "${env:NO}", "$${x}", "https://a:b@c/", "127.0.0.1"),
  fc.string({ maxLength: 5 })
)

const { value } = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: "small" }, scalar, fc.array(tie("value"), { maxLength: 3 }), tie("map")),
  map: fc.dictionary(fc.constantFrom(...words), tie("value"), { maxKeys: 5 })
}))

const manifest = fc.record({ version: fc.constant(1), hosting: value, routing: value, servers: fc.array(value, { maxLength: 3 }), plugins: value, [words[0] ?? ""]: value }, { requiredKeys: [] })

describe("any manifest at all", () => {
  it.effect("loads or is refused with places and paths; it never ends the gateway", () =>
    Effect.forEach(fc.sample(manifest, 400), (given) =>
      Effect.map(Effect.result(loadTexts([stringify(given)])), (outcome) => {
        if (outcome._tag === "Success") return
        const { problems } = outcome.failure
        assert.isAbove(problems.length, 0)
        for (const { file, line, message } of problems) assert.isTrue(file.endsWith("1.yaml") && line > 0 && message !== "", JSON.stringify({ line, message }))
      })).pipe(Effect.provide(NodeServices.layer)))
})
