import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { loadTexts, mistakesOf, serverWith } from "../kit/manifest.ts"

const remote = (line: string) => serverWith("url: https://x.example.com", line).replace("type: local", "type: remote")
const ported = (id: string, port: number, replicas: number) =>
  `  - { id: ${id}, type: local, path: ./x, auth_strategy: bypass_auth, config: { port: ${port} }, replicas: ${replicas} }\n`

const refused: ReadonlyArray<readonly [what: string, text: string, why: RegExp]> = [
  ["replicas of a remote server", remote("replicas: 2"), /servers\.a\.replicas: is for servers that the gateway starts/u],
  ["idle_stop of a remote server", remote("idle_stop: 5 minutes"), /servers\.a\.idle_stop: is for servers that the gateway starts/u],
  ["replicas where each user has a process already", serverWith("replicas: 2", "sharing: per_principal"), /servers\.a\.replicas: has no use with sharing per_principal/u],
  ["no replicas at all", serverWith("replicas: 0"), /servers\.a\.replicas: is 0, expected a number from 1 to 64/u],
  ["too many", serverWith("replicas: 65"), /expected a number from 1 to 64/u],
  ["ports beyond the last one", `version: 1\nservers:\n${ported("a", 65534, 3)}`, /need the ports 65534 to 65536/u],
  ["ports that another server has", `version: 1\nservers:\n${ported("a", 4000, 3)}${ported("b", 4002, 1)}`, /need the ports 4000 to 4002, where "b" has one too/u],
  ["a health check without a unit", serverWith("health: { interval: 30 }"), /servers\.a\.health\.interval/u],
  ["a balance that there is not", `${serverWith()}routing: { balance: random }\n`, /routing\.balance/u]
]

describe("what a manifest says of how servers run", () => {
  for (const [what, text, why] of refused) {
    it.effect(`is refused with ${what}, and says why`, () =>
      Effect.gen(function*() {
        assert.match((yield* mistakesOf([text])).join("\n"), why)
      }).pipe(Effect.provide(NodeServices.layer)))
  }

  it.effect("holds for replicas with ports beside each other, and for users who share processes behind one", () =>
    Effect.gen(function*() {
      yield* loadTexts([`version: 1\nservers:\n${ported("a", 4000, 3)}${ported("b", 4003, 2)}`])
      yield* loadTexts([serverWith("replicas: 2", "sharing: per_session", "config: { port: 4000 }")])
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("has defaults that ask every server every half minute, of which one server may have others or none", () =>
    Effect.gen(function*() {
      const { manifest } = yield* loadTexts([serverWith("health: { interval: off }", "idle_stop: 10 minutes")])
      const { interval, ...rest } = manifest.routing.health
      assert.strictEqual(interval === "off" ? 0 : Duration.toSeconds(interval), 30)
      assert.deepStrictEqual([Duration.toSeconds(rest.timeout), rest.failures], [10, 3])
      assert.deepStrictEqual(manifest.servers[0]?.health, { interval: "off" })
      assert.strictEqual(Duration.toMinutes(manifest.servers[0]?.idle_stop ?? Duration.zero), 10)
      assert.strictEqual(manifest.servers[0]?.replicas, 1)
    }).pipe(Effect.provide(NodeServices.layer)))
})
