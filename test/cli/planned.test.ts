import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { fingerprint } from "../../src/admin/Fingerprint.ts"
import { nothing, planOf } from "../../src/cli/Planned.ts"
import { sayPlan } from "../../src/cli/PlanText.ts"
import { type Given, loadTexts, serverWith } from "../kit/manifest.ts"

/** What `after` would change in a gateway that runs `before`. */
const planFor = Effect.fnUntraced(function*(before: string, after: string, given: Given = {}) {
  const { manifest: old } = yield* loadTexts([before])
  const { manifest } = yield* loadTexts([after], given)
  return planOf(yield* fingerprint(old, "salt"), yield* fingerprint(manifest, "salt"), manifest)
}, (effect) => Effect.provide(effect, NodeServices.layer))

const server = serverWith("path: ./a", "config:", "  args: [one]", "  environment: { LEVEL: info, API_KEY: hunter2 }", "  headers: { X-Key: hunter3 }")

describe("a plan", () => {
  it.effect("keeps a server that is the same, whatever the order of its keys", () =>
    Effect.gen(function*() {
      const turned = serverWith("config:", "  headers: { X-Key: hunter3 }", "  environment: { API_KEY: hunter2, LEVEL: info }", "  args: [one]", "path: ./a")
      assert.deepStrictEqual(yield* planFor(server, turned), { servers: [{ id: "a", action: "keep", why: [] }], settings: [] })
    }))

  it.effect("adds a server whose name every object has", () =>
    Effect.gen(function*() {
      const { servers } = yield* planFor("version: 1\nservers: []\n", server.replace("id: a", "id: constructor"))
      assert.deepStrictEqual(servers, [{ id: "constructor", action: "add", why: ["id"] }])
    }))

  const reasons = [
    ["args: [one]", "args: [one, two]", "config.args"],
    ["LEVEL: info", "LEVEL: debug", "config.environment.LEVEL"],
    ["LEVEL: info, ", "", "config.environment.LEVEL"],
    ["hunter2", "hunter9", "config.environment.API_KEY"],
    ["hunter3", "hunter9", "config.headers.X-Key"],
    ["path: ./a", "path: ./b", "path"],
    ["path: ./a", "command: a", "path,command"]
  ] as const
  for (const [from, to, why] of reasons) {
    it.effect(`replaces a server because of ${why} when "${from}" becomes "${to}"`, () =>
      Effect.gen(function*() {
        const { servers } = yield* planFor(server, server.replace(from, to))
        assert.deepStrictEqual(servers, [{ id: "a", action: "replace", why: why.split(",") }])
      }))
  }

  for (const line of ["prefix: x_", "timeout: 5s", "required: true"]) {
    it.effect(`updates a server in place for "${line}", without a new instance`, () =>
      Effect.gen(function*() {
        const { servers } = yield* planFor(server, `${server}    ${line}\n`)
        assert.deepStrictEqual(servers, [{ id: "a", action: "update", why: [line.split(":")[0] ?? ""] }])
      }))
  }

  it.effect("replaces when one of several keys needs it", () =>
    Effect.gen(function*() {
      const { servers } = yield* planFor(server, `${server.replace("[one]", "[two]")}    prefix: x_\n`)
      assert.deepStrictEqual(servers, [{ id: "a", action: "replace", why: ["config.args", "prefix"] }])
    }))

  it.effect("adds and removes by id, and removes what is switched off", () =>
    Effect.gen(function*() {
      const renamed = yield* planFor(server, server.replace("id: a", "id: b"))
      const disabled = yield* planFor(server, `${server}    enabled: false\n`)
      assert.deepStrictEqual(renamed.servers, [{ id: "b", action: "add", why: ["id"] }, { id: "a", action: "remove", why: ["id"] }])
      assert.deepStrictEqual(disabled.servers, [{ id: "a", action: "remove", why: ["enabled"] }])
    }))

  it.effect("says how each setting comes into force", () =>
    Effect.gen(function*() {
      const set = ["routing.timeout=7s", "hosting.drain=3s", "guard.hidden_text=allow", "aggregation.separator=."]
      const plan = yield* planFor(server, server, { set })
      assert.sameDeepMembers([...plan.settings], [
        { path: "routing.timeout", effect: "in place" },
        { path: "aggregation.separator", effect: "in place" },
        { path: "hosting.drain", effect: "at the next start" },
        { path: "guard.hidden_text", effect: "replaces every server" }
      ])
      assert.deepStrictEqual(plan.servers, [{ id: "a", action: "replace", why: ["guard.hidden_text"] }])
    }))

  it.effect("names the plugin whose version changes", () =>
    Effect.gen(function*() {
      const plugin = (version: string) =>
        `${server}plugins: [{ use: s3, version: ${version}, integrity: sha512-AAAA }]\n`
      const { settings } = yield* planFor(plugin("1.0.0"), plugin("1.0.1"))
      assert.deepStrictEqual(settings, [{ path: "plugins.s3.version", effect: "replaces the servers that use it" }])
    }))

  it.effect("against nothing adds everything and names no setting", () =>
    Effect.gen(function*() {
      const { manifest } = yield* loadTexts([server])
      const plan = planOf(nothing, yield* fingerprint(manifest, "salt"), manifest)
      assert.deepStrictEqual(plan, { servers: [{ id: "a", action: "add", why: ["id"] }], settings: [] })
      assert.strictEqual(sayPlan(plan), "  + add  a  not running yet\n\n1 server: 1 to add.")
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("reads as one line per server, then the settings, then the sums", () =>
    Effect.gen(function*() {
      const plan = yield* planFor(server, `${server}    prefix: x_\n`, { set: ["hosting.port=9"] })
      assert.strictEqual(sayPlan(plan), [
        "  . update  a  prefix differs, in place",
        "  * hosting.port  in force at the next start of the gateway",
        "",
        "1 server: 1 to update in place."
      ].join("\n"))
    }))
})

describe("a fingerprint", () => {
  it.effect("holds no value, and of a secret too little to check guesses by", () =>
    Effect.gen(function*() {
      const { manifest } = yield* loadTexts([server])
      const { servers } = yield* fingerprint(manifest, "salt")
      const hashes = servers["a"] ?? {}
      assert.notInclude(JSON.stringify(servers), "hunter")
      assert.match(hashes["config.environment.API_KEY"] ?? "", /^[0-9a-f]{3}$/u)
      assert.match(hashes["config.headers.X-Key"] ?? "", /^[0-9a-f]{3}$/u)
      assert.match(hashes["config.environment.LEVEL"] ?? "", /^[0-9a-f]{16}$/u)
      assert.notDeepEqual(servers, (yield* fingerprint(manifest, "other")).servers)
    }).pipe(Effect.provide(NodeServices.layer)))
})
