/** The border of plain strategies: what comes over it is decoded, what is thrown stays behind it. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Logger, Redacted, type Scope } from "effect"
import { inspect } from "node:util"
import { Plugin } from "#plugin"
import { fromPlain } from "../../src/host/Plain.ts"
import type { PlainAuth, PlainAuthContext } from "../../src/plugin/PlainAuth.ts"
import { SubjectToken } from "../../src/plugin/SubjectToken.ts"
import { ownRows } from "../kit/ownRows.ts"

const anything = { "~standard": { version: 1 as const, vendor: "test", validate: (value: unknown) => ({ value }) } }
const about = { directory: "/here", workspace: "/here/workspace", node: "node", environment: {}, engine: {}, treeHash: () => Effect.succeed("") }

/** The strategy as the gateway has it. */
const builtFrom = Effect.fnUntraced(function*(start: (context: PlainAuthContext) => unknown) {
  const plain = { apiVersion: 1 as const, kind: "auth" as const, name: "mine", config: anything, start: (_: unknown, context: PlainAuthContext) => start(context) as PlainAuth }
  const plugin = fromPlain(plain as unknown as Parameters<typeof fromPlain>[0])
  if (plugin.kind !== "auth") throw new Error("not a strategy")
  const { build } = yield* Effect.orDie(plugin.decode({}))
  const lent = Context.add(yield* ownRows("https://back.example.com/mcp"), Plugin.Host, about)
  return yield* Effect.provideContext(build as Effect.Effect<Plugin.Built["auth"], unknown, Plugin.Host | Scope.Scope>, lent)
})

const there = <A>(value: A | undefined): A => {
  if (value === undefined) throw new Error("it is not there")
  return value
}

const ada = { issuer: "https://id.example.com", subject: "ada" }
const leaving = { state: "s", codeChallenge: "c", redirectUri: "https://gw.example.com/oauth/callback/files", nonce: "n", scopes: ["read"] }
const arrived = { principal: ada, code: Redacted.make("the-code"), codeVerifier: Redacted.make("the-verifier"), redirectUri: leaving.redirectUri, nonce: "n", scopes: ["read"] }
const consent: PlainAuth["consent"] = {
  scopes: ["read"],
  begin: async () => ({ url: "https://away.example.com/authorize", issuer: "https://away.example.com" }),
  finish: async () => {},
  has: async () => true,
  forget: async () => 2
}
const credential = async () => ({ consent: {} })
const logged: Array<string> = []
const log = Logger.layer([Logger.make(({ cause, message }) => void logged.push(inspect([message, cause], { depth: 5 })))])

describe("a plain strategy with consent", () => {
  it.effect("is led like one of ours: its four functions, its scopes, and a consent that names no addresses", () =>
    Effect.gen(function*() {
      const strategy = yield* builtFrom(() => ({ credential, consent }))
      const needed = yield* Effect.flip(strategy.credential(ada, { id: "files" }))
      assert.deepInclude(needed, { _tag: "ConsentNeeded", server: "files", scopes: ["read"] })
      assert.deepStrictEqual(yield* there(strategy.consent).begin(leaving), { url: "https://away.example.com/authorize", issuer: "https://away.example.com", isIssuerInResponse: false })
      assert.deepStrictEqual(yield* there(strategy.consent).finish(arrived), ada)
      assert.strictEqual(yield* there(strategy.consent).has(ada), true)
      assert.strictEqual(yield* there(strategy.consent).forget(undefined), 2)
    }))

  it.effect("hears who consented and with what, as plain values, and nothing of the caller's token", () =>
    Effect.gen(function*() {
      const heard: Array<unknown> = []
      const subjectToken = new SubjectToken({ hash: "h", issuer: ada.issuer, secret: Redacted.make("inbound") })
      const strategy = yield* builtFrom(() => ({
        credential: async (call: object) => (heard.push(call), { headers: {} }),
        consent: { ...consent, finish: async (call: object) => void heard.push(call) }
      }))
      yield* strategy.credential({ ...ada, claims: { team: 1 }, subjectToken }, { id: "files" })
      yield* there(strategy.consent).finish({ ...arrived, principal: { ...ada, subjectToken } })
      assert.deepNestedInclude(heard[0], { "principal.claims": { team: 1 }, "server.id": "files" })
      assert.deepInclude(heard[1], { principal: ada, code: "the-code", codeVerifier: "the-verifier", scopes: ["read"] })
      assert.notInclude(JSON.stringify(heard), "subjectToken")
    }))

  it.effect("sends no browser to an address that is not safe, and finishes for nobody", () =>
    Effect.gen(function*() {
      for (const url of ["http://away.example.com/", "javascript:alert(1)", "/authorize", "file:///etc/passwd"]) {
        const strategy = yield* builtFrom(() => ({ credential, consent: { ...consent, begin: async () => ({ url, issuer: "i" }) } }))
        assert.strictEqual((yield* Effect.flip(there(strategy.consent).begin(leaving)))._tag, "CredentialRefused")
      }
      const strategy = yield* builtFrom(() => ({ credential, consent }))
      assert.strictEqual((yield* Effect.flip(there(strategy.consent).finish({ ...arrived, principal: undefined })))._tag, "CredentialRefused")
    }))

  it.effect("tells neither the caller what it throws nor the log what it was given to keep", () =>
    Effect.gen(function*() {
      const broken = (call: object) => Promise.reject(new Error(`hunter2 ${JSON.stringify(call)}`))
      const strategy = yield* builtFrom(() => ({ credential: async () => ({ heads: { authorization: "hunter3" } }), consent: { ...consent, finish: broken, has: broken } }))
      for (const ask of [strategy.credential(ada, { id: "files" }), there(strategy.consent).finish(arrived), there(strategy.consent).has(ada)]) {
        const refusal = yield* Effect.flip(ask as Effect.Effect<unknown, { readonly message: string }>)
        assert.strictEqual(refusal.message, "No credential for server \"files\": the strategy \"mine\" failed")
      }
      assert.include(logged.join("\n"), "finish threw (Error)")
      for (const secret of ["the-code", "the-verifier", "hunter3"]) assert.notInclude(logged.join("\n"), secret)
    }).pipe(Effect.provide(log)))

  it.effect("can refuse in its own words, at every step", () =>
    Effect.gen(function*() {
      const refused = async () => ({ refused: "the project is closed" })
      const strategy = yield* builtFrom(() => ({ credential: refused, rejected: refused, own: refused, consent: { ...consent, begin: refused, finish: refused } }))
      const asks = [strategy.credential(ada, { id: "files" }), there(strategy.rejected)(ada, { status: 401, scopes: [] }), there(strategy.own)({ id: "files" }), there(strategy.consent).begin(leaving), there(strategy.consent).finish(arrived)]
      for (const ask of asks) {
        assert.strictEqual((yield* Effect.flip(ask as Effect.Effect<unknown, { readonly message: string }>)).message, "No credential for server \"files\": the project is closed")
      }
    }))

  it.effect("hears that a credential was not taken, and may get another or ask for more", () =>
    Effect.gen(function*() {
      const heard: Array<unknown> = []
      const rejected = async ({ headers, scopes, status }: { readonly headers?: object; readonly status: number; readonly scopes: ReadonlyArray<string> }) => {
        heard.push(headers)
        return status === 403 ? { consent: { scopes } } : undefined
      }
      const strategy = yield* builtFrom(() => ({ credential, rejected, own: async () => ({ headers: { "x-own": "k" } }), consent }))
      assert.isUndefined(yield* there(strategy.rejected)(ada, { status: 401, scopes: [] }))
      assert.isUndefined(yield* there(strategy.rejected)(ada, { status: 401, scopes: [], sent: { headers: { "x-key": Redacted.make("old") } } }))
      assert.deepStrictEqual(heard, [undefined, { "x-key": "old" }])
      assert.deepInclude(yield* Effect.flip(there(strategy.rejected)(ada, { status: 403, scopes: ["write"] })), { _tag: "ConsentNeeded", scopes: ["write"] })
      assert.strictEqual(Redacted.value(there((yield* there(strategy.own)({ id: "files" })).headers["x-own"])), "k")
    }))

  it.effect("does not start with half a consent", () =>
    Effect.gen(function*() {
      for (const half of [{}, { ...consent, scopes: "read" }, { ...consent, forget: undefined }, null]) {
        const failure = yield* Effect.flip(builtFrom(() => ({ credential, consent: half })))
        assert.include(String(failure), "scopes and the functions begin, finish, has and forget")
      }
      assert.include(String(yield* Effect.flip(builtFrom(() => ({ credential, rejected: 7 })))), "the function credential")
    }))
})

describe("what a plain strategy keeps", () => {
  it.effect("lies in rows of its server's: texts in, texts out, told apart by the parts of their keys", () =>
    Effect.gen(function*() {
      let context: PlainAuthContext | undefined
      yield* builtFrom((given) => (context = given, { credential }))
      const { keep, server } = there(context)
      assert.deepStrictEqual([server.id, server.resource, server.returnAddress()], ["files", "https://back.example.com/mcp", "http://127.0.0.1:18998/oauth/callback/files"])
      yield* Effect.promise(async () => {
        assert.isUndefined(await keep.get(["grant", "ada"]))
        await keep.put(["grant", "ada"], { value: "one" })
        await keep.put(["grant", "a", "da"], { value: "two", expires: 4_000_000_000_000 })
        assert.deepInclude(await keep.get(["grant", "ada"]), { value: "one" })
        assert.deepInclude(await keep.get(["grant", "a", "da"]), { value: "two", expires: 4_000_000_000_000 })
        assert.strictEqual((await keep.keys()).length, 2)
        await keep.remove(["grant", "ada"])
        assert.deepStrictEqual(await keep.keys(), [["grant", "a", "da"]])
      })
    }))

  it.effect("is refreshed once for all who ask, stays where the refresh throws, and is said to be gone where it is", () =>
    Effect.gen(function*() {
      let context: PlainAuthContext | undefined
      yield* builtFrom((given) => (context = given, { credential }))
      const { keep } = there(context)
      yield* Effect.promise(async () => {
        const key = ["grant", "ada"]
        await keep.put(key, { value: "1" })
        const seen = there(await keep.get(key)).version
        let asked = 0
        const next = async ({ value }: { readonly value: string }) => (asked++, { value: `${Number(value) + 1}` })
        const rows = await Promise.all(Array.from({ length: 10 }, () => keep.refreshed(key, seen, next)))
        assert.deepStrictEqual(rows.map((row) => row?.value), Array(10).fill("2"))
        assert.strictEqual(asked, 1)
        const { version } = there(await keep.get(key))
        assert.isUndefined(await keep.refreshed(key, version, async () => ({ gone: "the user withdrew it" })))
        await keep.put(key, { value: "3" })
        const later = there(await keep.get(key)).version
        const broken = await keep.refreshed(key, later, () => Promise.reject(new Error("hunter2"))).catch(String)
        assert.strictEqual(broken, "Error: It could not be refreshed: the refresh threw (Error)")
        assert.strictEqual(there(await keep.get(key)).value, "3")
      })
    }))

  it.effect("takes nothing that is no row, and says so with an error of the plugin's own world", () =>
    Effect.gen(function*() {
      let context: PlainAuthContext | undefined
      yield* builtFrom((given) => (context = given, { credential }))
      const wrong = there(context).keep as unknown as Record<string, (...given: ReadonlyArray<unknown>) => Promise<unknown>>
      yield* Effect.promise(async () => {
        for (const ask of [there(wrong["get"])("ada"), there(wrong["get"])([]), there(wrong["put"])(["ada"], "secret"), there(wrong["put"])(["ada"], { value: 7 })]) {
          const failure: unknown = await ask.catch((cause: unknown) => cause)
          assert.strictEqual(Object.getPrototypeOf(failure), Error.prototype)
          assert.match(String(failure), /The vault did not do it: a (?:key|row) is /u)
        }
      })
    }))
})
