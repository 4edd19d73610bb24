/** Machines call with keys that the gateway made: by either header, until they are revoked, within their scopes. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { resolve } from "node:path"
import { promisify } from "node:util"
import { until } from "../kit/calls.ts"
import { gateway } from "../kit/gateway.ts"
import { MAIN } from "../kit/main.ts"
import { modernCall, post } from "../kit/wire.ts"

const near = { id: "near", type: "local", path: resolve("test/fixtures/servers/watched.mjs"), auth_strategy: "bypass_auth" }

const started = Effect.gen(function*() {
  const gate = yield* gateway({ api_keys: true, servers: [near] })
  const manifold = async (...args: ReadonlyArray<string>) =>
    promisify(execFile)(process.execPath, [MAIN, ...args]).then(({ stdout }) => stdout)
  const call = async (headers: Record<string, string>) => {
    const { body, headers: own } = modernCall("near__heard")
    return (await post(gate.url, body, { ...own, ...headers })).status
  }
  const keys = (...args: ReadonlyArray<string>) => manifold("keys", ...args, "--manifest", gate.manifest)
  const create = async (name: string, ...more: ReadonlyArray<string>) => String(JSON.parse(await keys("create", "--name", name, "--json", ...more)).key)
  return { ...gate, call, keys, create, manifold }
})

describe("API keys", () => {
  it.live("let a machine in by either header, and nobody with another key, two, or none", () =>
    Effect.gen(function*() {
      const { call, create } = yield* started
      yield* Effect.promise(async () => {
        const key = await create("robot")
        await until(() => call({ "x-api-key": key }), (status) => status === 200)
        assert.strictEqual(await call({ authorization: `Bearer ${key}` }), 200)
        const another = `${key.slice(0, -1)}${key.endsWith("_") ? "a" : "_"}`
        const wrong = [{}, { "x-api-key": another }, { "x-api-key": key, authorization: `Bearer ${key}` }, { authorization: "Bearer eyJ.a.b" }]
        assert.deepStrictEqual(await Promise.all(wrong.map(call)), [401, 401, 400, 401])
      })
    }).pipe(Effect.scoped))

  it.live("are refused within five seconds after they were revoked, while the gateway runs", () =>
    Effect.gen(function*() {
      const { call, create, keys, stderr } = yield* started
      yield* Effect.promise(async () => {
        const key = await create("robot")
        await until(() => call({ "x-api-key": key }), (status) => status === 200)
        await keys("revoke", "robot")
        await until(() => call({ "x-api-key": key }), (status) => status === 401, 8)
        assert.notInclude(stderr(), key.slice(8))
      })
    }).pipe(Effect.scoped))

  it.live("open the ways of operators only with the scope for it", () =>
    Effect.gen(function*() {
      const { create, url } = yield* started
      yield* Effect.promise(async () => {
        const [user, operator] = [await create("user"), await create("root", "--scopes", "manifold:admin")]
        const status = async (key: string) => (await fetch(new URL("/api/v1/servers", url), { headers: { "x-api-key": key } })).status
        assert.deepStrictEqual([await status(user), await status(operator)], [403, 200])
        const shown = await promisify(execFile)(process.execPath, [MAIN, "status", "--url", url], { env: { ...process.env, MANIFOLD_TOKEN: operator } })
        assert.include(shown.stdout, "near")
      })
    }).pipe(Effect.scoped))
})
