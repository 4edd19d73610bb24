/** What a code and a refresh token are good for: once, for whom they were made, and everything that came of one that was used twice ends. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { allowed, asking, authorizing, codeForm, manifestWith, RESOURCE, ruled } from "../kit/authorizing.ts"
import { BASE } from "../kit/browsing.ts"
import { services } from "../kit/oauth.ts"
import { Store } from "../../src/store/Store.ts"

const basic = (id: string, secret: string) => ({ authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString("base64")}` })

/** A gateway with a client that a user let in, and the code for it. */
const coded = Effect.fnUntraced(function*(path = asking(), server: object = {}) {
  const gateway = yield* authorizing(server)
  const visit = gateway.newBrowser()
  return { ...gateway, visit, back: yield* allowed(visit, path) }
})

/** The same with the tokens. */
const tokened = Effect.fnUntraced(function*() {
  const gateway = yield* coded()
  const { body } = yield* gateway.token(codeForm(gateway.back))
  const [access, refresh] = [String(body["access_token"]), String(body["refresh_token"])]
  const refreshWith = (refresh_token: string, more: Record<string, string> = {}) => gateway.token({ grant_type: "refresh_token", client_id: "desk", refresh_token, ...more })
  return { ...gateway, access, refresh, refreshWith }
})

describe("a code", () => {
  it.effect("is traded for a token of the user for the endpoint that was asked for, and no other", () =>
    Effect.gen(function*() {
      const { back, subjectOf, token } = yield* coded()
      const { body, headers, status } = yield* token(codeForm(back))
      assert.strictEqual(status, 200)
      assert.match(String(body["access_token"]), /^mft_[\w-]{49}$/u)
      assert.deepInclude(body, { token_type: "Bearer", expires_in: 600, scope: "mcp" })
      assert.strictEqual(headers.get("cache-control"), "no-store")
      assert.strictEqual(headers.get("access-control-allow-origin"), "*")
      assert.strictEqual(yield* subjectOf(body["access_token"]), "ada@https://id.example.com")
      assert.strictEqual(yield* subjectOf(body["access_token"], `${BASE}/servers/near/mcp`), "audience")
    }).pipe(Effect.scoped, Effect.provide(services)))

  const wrong: ReadonlyArray<readonly [title: string, more: Record<string, string>, error: string]> = [
    ["another verifier", { code_verifier: "w".repeat(43) }, "invalid_grant"],
    ["no verifier", { code_verifier: "" }, "invalid_request"],
    ["a verifier that is none", { code_verifier: "short" }, "invalid_grant"],
    ["another address", { redirect_uri: "http://127.0.0.1:5556/callback" }, "invalid_grant"],
    ["no address", { redirect_uri: "" }, "invalid_grant"],
    ["another resource", { resource: `${BASE}/servers/near/mcp` }, "invalid_grant"],
    ["another code", { code: "made up" }, "invalid_grant"],
    ["another client", { client_id: "web", client_secret: "the secret: of web" }, "invalid_grant"],
    ["a client that is not known", { client_id: "other" }, "invalid_client"],
    ["an assertion, which is no proof here", { client_assertion: "x" }, "invalid_client"],
    ["another kind of grant", { grant_type: "password" }, "unsupported_grant_type"]
  ]
  for (const [title, more, error] of wrong) {
    it.effect(`gets nothing with ${title} (${error}), and no error says what was sent`, () =>
      Effect.gen(function*() {
        const { back, token } = yield* coded()
        const { body, status } = yield* token(codeForm(back, more))
        assert.strictEqual(body["error"], error)
        assert.strictEqual(status, error === "invalid_client" ? 401 : 400)
        for (const sent of [back.searchParams.get("code") ?? "?", "made up"]) assert.notInclude(JSON.stringify(body), sent)
      }).pipe(Effect.scoped, Effect.provide(services)))
  }

  it.effect("that was tried with another verifier is used up", () =>
    Effect.gen(function*() {
      const { back, token } = yield* coded()
      yield* token(codeForm(back, { code_verifier: "w".repeat(43) }))
      assert.strictEqual((yield* token(codeForm(back))).body["error"], "invalid_grant")
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("is good for a minute", () =>
    Effect.gen(function*() {
      const { back, token } = yield* coded()
      yield* TestClock.adjust("60 seconds")
      assert.strictEqual((yield* token(codeForm(back))).body["error"], "invalid_grant")
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("that comes a second time ends what the first got, also many minutes later, or at the same moment", () =>
    Effect.gen(function*() {
      const { access, back, refresh, refreshWith, subjectOf, token } = yield* tokened()
      yield* TestClock.adjust("5 minutes")
      assert.notStrictEqual(yield* subjectOf(access), "inactive")
      assert.strictEqual((yield* token(codeForm(back))).body["error"], "invalid_grant")
      assert.strictEqual(yield* subjectOf(access), "inactive")
      assert.strictEqual((yield* refreshWith(refresh)).body["error"], "invalid_grant")

      const other = yield* coded(asking({ state: "2" }))
      const both = yield* Effect.all([other.token(codeForm(other.back)), other.token(codeForm(other.back))], { concurrency: "unbounded" })
      const given = both.flatMap(({ body }) => "access_token" in body ? [body["access_token"]] : [])
      for (const each of given) assert.strictEqual(yield* subjectOf(each), "inactive")
    }).pipe(Effect.scoped, Effect.provide(services)))
})

describe("a client with a secret", () => {
  const path = asking({ client_id: "web", redirect_uri: "https://web.example.com/back" })
  const form = (back: URL, more: Record<string, string> = {}) => codeForm(back, { client_id: "web", redirect_uri: "https://web.example.com/back", ...more })

  it.effect("proves itself in the header or in the form, and gets nothing without, with another, or in two ways at once", () =>
    Effect.gen(function*() {
      const { newBrowser, token } = yield* authorizing()
      const visit = newBrowser()
      const statusOf = Effect.fnUntraced(function*(more: Record<string, string>, headers?: Record<string, string>) {
        const { body, headers: answered, status } = yield* token(form(yield* allowed(visit, path), more), headers)
        return [status, body["error"], answered.get("www-authenticate")]
      })
      assert.deepStrictEqual(yield* statusOf({ client_secret: "the secret: of web" }), [200, undefined, null])
      assert.deepStrictEqual(yield* statusOf({ client_id: "" }, basic("web", "the secret: of web")), [200, undefined, null])
      assert.deepStrictEqual(yield* statusOf({}), [401, "invalid_client", null])
      assert.deepStrictEqual(yield* statusOf({ client_secret: "x" }), [401, "invalid_client", null])
      assert.deepStrictEqual(yield* statusOf({}, basic("web", "x")), [401, "invalid_client", `Basic realm="gateway"`])
      assert.deepStrictEqual(yield* statusOf({ client_secret: "x" }, basic("web", "the secret: of web")), [400, "invalid_request", null])
      assert.deepStrictEqual(yield* statusOf({}, { authorization: "Bearer x" }), [401, "invalid_client", `Basic realm="gateway"`])
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("does not slow others down, but who guesses waits after a hundred", () =>
    Effect.gen(function*() {
      const { back, token } = yield* coded()
      for (let count = 0; count < 100; count++) yield* token({ client_id: "web", client_secret: String(count), grant_type: "refresh_token" })
      const { headers, status } = yield* token(codeForm(back))
      assert.deepStrictEqual([status, headers.get("retry-after")], [429, "60"])
      yield* TestClock.adjust("61 seconds")
      assert.strictEqual((yield* token(codeForm(back))).status, 400)
    }).pipe(Effect.scoped, Effect.provide(services)))
})

describe("a refresh token", () => {
  it.effect("is good once: the next is another, and an old one ends all that came of it", () =>
    Effect.gen(function*() {
      const { refresh, refreshWith, subjectOf } = yield* tokened()
      const next = yield* refreshWith(refresh, { resource: RESOURCE })
      assert.strictEqual(next.status, 200)
      const later = yield* refreshWith(String(next.body["refresh_token"]))
      assert.notStrictEqual(yield* subjectOf(later.body["access_token"]), "inactive")
      assert.strictEqual((yield* refreshWith(refresh)).body["error"], "invalid_grant")
      assert.strictEqual(yield* subjectOf(later.body["access_token"]), "inactive")
      assert.strictEqual((yield* refreshWith(String(later.body["refresh_token"]))).body["error"], "invalid_grant")
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("of two at the same moment gives tokens to none that go on", () =>
    Effect.gen(function*() {
      const { refresh, refreshWith, subjectOf } = yield* tokened()
      const both = yield* Effect.all([refreshWith(refresh), refreshWith(refresh)], { concurrency: "unbounded" })
      for (const { body } of both) assert.strictEqual(yield* subjectOf(body["access_token"] ?? "none"), "inactive")
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("may ask for less, never for more or elsewhere, and nothing for another client", () =>
    Effect.gen(function*() {
      const { refresh, refreshWith, subjectOf } = yield* tokened()
      assert.strictEqual((yield* refreshWith(refresh, { scope: "mcp admin" })).body["error"], "invalid_scope")
      assert.strictEqual((yield* refreshWith(refresh, { resource: `${BASE}/servers/near/mcp` })).body["error"], "invalid_target")
      assert.strictEqual((yield* refreshWith(refresh, { client_id: "web", client_secret: "the secret: of web" })).body["error"], "invalid_grant")
      const { body, status } = yield* refreshWith(refresh, { scope: "mcp" })
      assert.strictEqual(status, 200)
      assert.notStrictEqual(yield* subjectOf(body["access_token"]), "inactive")
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("ends after a month without use, and is worth nothing with a letter changed", () =>
    Effect.gen(function*() {
      const { refresh, refreshWith } = yield* tokened()
      assert.strictEqual((yield* refreshWith(`${refresh.slice(0, -1)}_`)).body["error"], "invalid_grant")
      yield* TestClock.adjust("29 days")
      const next = yield* refreshWith(refresh)
      assert.strictEqual(next.status, 200, "a mistyped one ended nothing")
      yield* TestClock.adjust("30 days")
      assert.strictEqual((yield* refreshWith(String(next.body["refresh_token"]))).body["error"], "invalid_grant")
    }).pipe(Effect.scoped, Effect.provide(services)))
})

describe("an access token", () => {
  it.effect("ends after ten minutes; when it is taken back; and with its refresh token", () =>
    Effect.gen(function*() {
      const { access, refresh, refreshWith, revoke, subjectOf } = yield* tokened()
      assert.deepStrictEqual((yield* revoke({ client_id: "web", client_secret: "the secret: of web", token: access })).body, {})
      assert.notStrictEqual(yield* subjectOf(access), "inactive", "another client takes nothing back")
      yield* revoke({ client_id: "desk", token: access })
      assert.strictEqual(yield* subjectOf(access), "inactive")
      const next = (yield* refreshWith(refresh)).body
      yield* TestClock.adjust("599 seconds")
      assert.notStrictEqual(yield* subjectOf(next["access_token"]), "inactive")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* subjectOf(next["access_token"]), "inactive")
      const last = (yield* refreshWith(String(next["refresh_token"]))).body
      yield* revoke({ client_id: "desk", token: String(last["refresh_token"]) })
      assert.strictEqual(yield* subjectOf(last["access_token"]), "inactive")
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("ends when its client leaves the manifest, or users sign in elsewhere from now on", () =>
    Effect.gen(function*() {
      const { access, refresh, refreshWith, subjectOf, terms } = yield* tokened()
      yield* ruled("https://other.example.com")
      assert.strictEqual(yield* subjectOf(access), "inactive")
      yield* ruled()
      assert.notStrictEqual(yield* subjectOf(access), "inactive")
      terms.apply(manifestWith({ clients: [] }))
      assert.strictEqual(yield* subjectOf(access), "inactive")
      assert.strictEqual((yield* refreshWith(refresh)).body["error"], "invalid_client")
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("is in no row of the store, and neither are codes and refresh tokens", () =>
    Effect.gen(function*() {
      const { access, back, refresh } = yield* tokened()
      const store = yield* Store
      const tables = ["oauth_codes", "oauth_grants", "oauth_tokens", "oauth_consents"]
      const rows = (yield* Effect.forEach(tables, (table) => store.list(table, ""))).flat()
      assert.lengthOf(rows, 4)
      for (const { key, value } of rows) {
        const text = key + Buffer.from(value).toString()
        for (const secret of [access.slice(4, 40), refresh.slice(50, 90), back.searchParams.get("code") ?? "?"]) assert.notInclude(text, secret)
      }
    }).pipe(Effect.scoped, Effect.provide(services)))
})
