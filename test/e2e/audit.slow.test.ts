/** What a gateway keeps of decisions and calls, how that is checked, and what happens where it cannot be written. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { until } from "../kit/calls.ts"
import { gateway } from "../kit/gateway.ts"
import { MAIN } from "../kit/main.ts"
import { start } from "../kit/process.ts"
import { manifold } from "../kit/verbs.ts"
import { modernCall, post } from "../kit/wire.ts"

const work = { id: "work", type: "local", path: resolve("test/fixtures/servers/legacy.mjs"), auth_strategy: "bypass_auth" }

const access = {
  roles: [{ name: "ci", when: [{ claim: "name", has: "robot" }] }],
  tenant: { claim: "tenant" },
  rules: [
    { id: "work", effect: "allow", roles: ["ci"], servers: ["work"], tools: ["echo", "pid"] },
    { id: "no-etc", effect: "deny", roles: ["*"], servers: ["work"], tools: ["echo"], arguments: { path: "/etc/**" } }
  ]
}

const MANIFEST = { api_keys: true, access, servers: [work] }

const started = Effect.fnUntraced(function*(manifest: object, prepare?: (directory: string) => Promise<unknown>) {
  const gate = yield* gateway({ ...manifest }, prepare === undefined ? {} : { prepare })
  const data = join(gate.directory, "data")
  const made = yield* manifold(["keys", "create", "--name", "robot", "--scopes", "tenant:acme", "--json", "-m", gate.manifest])
  const key = String(JSON.parse(made.out).key)
  const call = (name: string, args = "{}", secret = key) => {
    const { body, headers } = modernCall(name, args)
    return post(gate.url, body, { ...headers, "x-api-key": secret })
  }
  const records = (): ReadonlyArray<Readonly<Record<string, unknown>>> =>
    readdirSync(join(data, "audit")).flatMap((name) => readFileSync(join(data, "audit", name), "utf8").trimEnd().split("\n")).map((line) => JSON.parse(line))
  const verify = (...more: ReadonlyArray<string>) => manifold(["audit", "verify", "-m", gate.manifest, ...more])
  return { ...gate, data, key, call, records, verify }
})

describe("the audit of a gateway", () => {
  it.live("has one record for each call, with the decision and the incident that the caller heard, and no secret or value", () =>
    Effect.gen(function*() {
      const { call, data, key, manifest, records, rewrite, stderr, stop, verify } = yield* started(MANIFEST)
      yield* Effect.promise(async () => {
        await until(() => call("work__pid"), ({ message }) => message?.result !== undefined)
        await call("work__echo", `{"path":"/tmp/x","password":"hunter2"}`)
        const denied = await call("work__echo", `{"path":"/etc/shadow"}`)
        await call("work__hidden")
        await call("work__pid", "{}", `${key.slice(0, -1)}_`)
        rewrite(`${readFileSync(manifest, "utf8")}nonsense: true\n`)
        await until(async () => stderr(), (text) => text.includes("is not in force"), 10)
        await stop()

        const all = records()
        const calls = all.filter(({ event }) => event === "call").slice(-3)
        assert.deepStrictEqual(calls.map(({ by, decision, kind, name, outcome, rule }) => ({ by, decision, kind, name, outcome, rule })), [
          { by: "rule", decision: "allow", kind: "tool", name: "echo", outcome: "result", rule: "work" },
          { by: "rule", decision: "deny", kind: "tool", name: "echo", outcome: "AccessDenied", rule: "no-etc" },
          { by: undefined, decision: undefined, kind: "tool", name: "work__hidden", outcome: "UnknownName", rule: undefined }
        ])
        assert.deepInclude(calls[0], { server: "work", strategy: "bypass_auth", generation: 1, tenants: ["acme"], method: "tools/call" })
        assert.deepNestedInclude(calls[0], { "principal.issuer": "manifold:keys", "arguments.keys": ["path", "password"] })
        assert.deepInclude(denied.message?.error?.data, { incident: calls[1]?.["incident"] })
        assert.deepStrictEqual(all.map(({ event, outcome }) => `${String(event)} ${String(outcome)}`).filter((one) => !one.startsWith("call")).sort(), [
          "audit opened",
          "authentication refused",
          "manifest applied",
          "manifest rejected"
        ])
        const text = JSON.stringify(all)
        for (const secret of ["hunter2", "/tmp/x", "/etc/shadow", key]) assert.notInclude(text, secret)
        assert.strictEqual(statSync(join(data, "audit")).mode & 0o777, 0o700)
      })
      const { code, out } = yield* verify()
      assert.strictEqual(code, 0)
      assert.match(out, /^unbroken: \d+ records in 1 file\nlast \d+:[0-9a-f]{64} of /u)
      const [, known = ""] = /^last (\S+)/mu.exec(out) ?? []
      assert.strictEqual((yield* verify("--known", known)).code, 0)
      const [name = ""] = readdirSync(join(data, "audit"))
      const path = join(data, "audit", name)
      writeFileSync(path, readFileSync(path, "utf8").replace(`"rule":"no-etc"`, `"rule":"work"`).replace(`"decision":"deny"`, `"decision":"allow"`))
      const broken = yield* verify("--json")
      assert.strictEqual(broken.code, 1)
      assert.deepInclude(JSON.parse(broken.out), { unbroken: false })
    }).pipe(Effect.scoped))

  it.live("is kept without being asked for where there is sign-in, and not on a plain local start", () =>
    Effect.gen(function*() {
      const plain = yield* started({ servers: [work] })
      const silent = yield* started({ ...MANIFEST, audit: false })
      yield* Effect.promise(async () => {
        await until(() => plain.call("work__pid"), ({ message }) => message?.result !== undefined)
        await until(() => silent.call("work__pid"), ({ message }) => message?.result !== undefined)
      })
      for (const { verify } of [plain, silent]) {
        const { code, err } = yield* verify()
        assert.strictEqual(code, 1)
        assert.match(err, /There are no records/u)
      }
    }).pipe(Effect.scoped))

  it.live("that cannot be written lets calls go on and says so; where it is required, calls wait until it can", () =>
    Effect.gen(function*() {
      const inTheWay = async (directory: string) => {
        mkdirSync(join(directory, "data"), { recursive: true })
        writeFileSync(join(directory, "data", "audit"), "in the way")
      }
      const open = yield* started(MANIFEST, inTheWay)
      const strict = yield* started({ ...MANIFEST, audit: { required: true } }, inTheWay)
      yield* Effect.promise(async () => {
        await until(() => open.call("work__pid"), ({ message }) => message?.result !== undefined)
        assert.match(open.stderr(), /The audit cannot be written, calls go on/u)
        await until(() => strict.call("work__pid"), ({ message }) => message?.error !== undefined)
        const refused = await strict.call("work__pid")
        assert.match(refused.message?.error?.message ?? "", /Calls have to be recorded/u)
        rmSync(join(strict.data, "audit"))
        await until(() => strict.call("work__pid"), ({ message }) => message?.result !== undefined, 5)
        await strict.stop()
        assert.isAbove(strict.records().filter(({ outcome }) => outcome === "Unrecorded").length, 0, "what was refused is recorded when that is possible")
      })
      assert.strictEqual((yield* strict.verify()).code, 0)
    }).pipe(Effect.scoped))

  it.live("survives a gateway that is killed: the chain goes on at the next start", () =>
    Effect.gen(function*() {
      const gate = yield* started(MANIFEST)
      yield* Effect.promise(async () => {
        await until(() => gate.call("work__pid"), ({ message }) => message?.result !== undefined)
        await until(async () => gate.records(), (all) => all.some(({ event }) => event === "call"), 5)
        await gate.kill()
      })
      const [name = ""] = readdirSync(join(gate.data, "audit"))
      const path = join(gate.data, "audit", name)
      writeFileSync(path, `${readFileSync(path, "utf8")}{"seq":`)
      assert.match((yield* gate.verify()).out, /the last line is not whole/u)
      yield* Effect.promise(async () => {
        const again = await start({ command: ["node", MAIN, "serve", "-m", gate.manifest, "--port", "0"], listening: /^listening on (http:\/\/\S+)\n/u })
        await again.stop()
        assert.match(again.stderr(), /The last record of the audit was cut short \(7 bytes\)/u)
      })
      const { code, out } = yield* gate.verify()
      assert.strictEqual(code, 0, out)
      assert.notInclude(out, "not whole")
    }).pipe(Effect.scoped))
})
