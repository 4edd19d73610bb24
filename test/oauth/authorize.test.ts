/** The authorization endpoint: who is asked what, where mistakes are said, and what a user's word is good for. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { allowed, arrived, asking, authorizing, decided, fieldsOf, locationOf, manifestWith, pageOf, RETURN } from "../kit/authorizing.ts"
import { BASE } from "../kit/browsing.ts"
import { ISSUER, services } from "../kit/oauth.ts"

/** Requests that nobody may be sent away with: the client or its address is not known good. */
const shownHere: ReadonlyArray<readonly [title: string, more: Record<string, string | undefined>]> = [
  ["a client that is not known", { client_id: "other" }],
  ["no client", { client_id: undefined }],
  ["an address that is not registered", { redirect_uri: "https://evil.example.com/callback" }],
  ["no address", { redirect_uri: undefined }],
  ["a registered address with more behind it", { redirect_uri: `${RETURN}/more` }],
  ["a registered address with a query", { redirect_uri: `${RETURN}?x=1` }],
  ["the loopback by another name", { redirect_uri: "http://localhost:5555/callback" }],
  ["the loopback with a user name", { redirect_uri: "http://evil@127.0.0.1:5555/callback" }],
  ["a port on an address that has none and is elsewhere", { redirect_uri: "https://desk.example.com:444/back?a=1" }]
]

/** Requests that the client hears about, as it is known who it is. */
const toldClient: ReadonlyArray<readonly [error: string, title: string, more: Record<string, string | undefined>]> = [
  ["unsupported_response_type", "a token at once", { response_type: "token" }],
  ["invalid_request", "no response type", { response_type: undefined }],
  ["invalid_request", "an answer in a fragment", { response_mode: "fragment" }],
  ["invalid_request", "no challenge", { code_challenge: undefined }],
  ["invalid_request", "a plain challenge", { code_challenge_method: "plain" }],
  ["invalid_request", "a challenge without a method, which is plain", { code_challenge_method: undefined }],
  ["invalid_request", "a challenge of another length", { code_challenge: "short" }],
  ["invalid_target", "no resource", { resource: undefined }],
  ["invalid_target", "another resource", { resource: "https://other.example.com/mcp" }],
  ["invalid_target", "a server that there is not", { resource: `${BASE}/servers/other/mcp` }],
  ["invalid_target", "an endpoint with one slash more", { resource: `${BASE}/mcp/` }],
  ["request_not_supported", "a request object", { request: "e30" }]
]

describe("a request at the authorization endpoint", () => {
  for (const [title, more] of shownHere) {
    it.effect(`with ${title} ends on a page of ours, and sends nobody anywhere`, () =>
      Effect.gen(function*() {
        const { newBrowser } = yield* authorizing()
        const answer = yield* newBrowser().get(asking(more))
        assert.strictEqual(answer.status, 400)
        assert.isNull(answer.headers.get("location"))
        assert.notInclude(yield* pageOf(answer), "evil")
      }).pipe(Effect.scoped, Effect.provide(services)))
  }

  for (const [error, title, more] of toldClient) {
    it.effect(`for ${title} is answered with ${error} at the client, before anybody signs in`, () =>
      Effect.gen(function*() {
        const { newBrowser } = yield* authorizing()
        const answer = yield* newBrowser().get(asking(more))
        const to = locationOf(answer)
        assert.strictEqual(to.origin + to.pathname, RETURN)
        assert.deepStrictEqual(Object.fromEntries(to.searchParams), { error, state: "s&1", iss: BASE })
      }).pipe(Effect.scoped, Effect.provide(services)))
  }

  it.effect("with a parameter twice is refused: here where it is about the client, else at the client", () =>
    Effect.gen(function*() {
      const { newBrowser } = yield* authorizing()
      const here = yield* newBrowser().get(`${asking()}&redirect_uri=${encodeURIComponent(RETURN)}`)
      assert.strictEqual(here.status, 400)
      const there = yield* newBrowser().get(`${asking()}&state=again`)
      assert.strictEqual(locationOf(there).searchParams.get("error"), "invalid_request")
      const resources = yield* newBrowser().get(`${asking()}&resource=${encodeURIComponent(`${BASE}/mcp`)}`)
      assert.strictEqual(locationOf(resources).searchParams.get("error"), "invalid_target", "a token is for one resource")
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("keeps the address of the client as it is, with its query", () =>
    Effect.gen(function*() {
      const { newBrowser } = yield* authorizing()
      const back = yield* allowed(newBrowser(), asking({ redirect_uri: "https://desk.example.com/back?a=1" }))
      assert.match(back.href, /^https:\/\/desk\.example\.com\/back\?a=1&code=[\w-]{43}&state=s%261&iss=https%3A%2F%2Fgw\.example\.com$/u)
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("is not answered at all without an authorization server in the manifest", () =>
    Effect.gen(function*() {
      const { newBrowser, terms, token } = yield* authorizing()
      const { authorization_server: _, ...without } = manifestWith()
      terms.apply(without)
      assert.strictEqual((yield* newBrowser().get(asking())).status, 404)
      assert.strictEqual((yield* newBrowser().get("/.well-known/oauth-authorization-server")).status, 404)
      assert.strictEqual((yield* token({})).status, 404)
    }).pipe(Effect.scoped, Effect.provide(services)))
})

describe("the consent page", () => {
  it.effect("comes after signing in, and says which client asks for what and where it leads", () =>
    Effect.gen(function*() {
      const { newBrowser } = yield* authorizing()
      const visit = newBrowser()
      const first = yield* visit.get(asking())
      assert.strictEqual(locationOf(first).origin, ISSUER)
      const page = yield* arrived(visit, asking())
      const text = yield* pageOf(page)
      for (const said of ["Desk &lt;1&gt;", "http://127.0.0.1:5555", `${BASE}/mcp`, "<dd>mcp</dd>", "ada@example.com"]) assert.include(text, said)
      assert.notInclude(text, "manifold:admin", "a user cannot make anybody an operator")
      assert.include(page.headers.get("content-security-policy") ?? "", "form-action 'self' http://127.0.0.1:5555;")
      assert.strictEqual(page.headers.get("x-frame-options"), "DENY")
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("takes a no: the client hears access_denied, and the user is asked again the next time", () =>
    Effect.gen(function*() {
      const { newBrowser } = yield* authorizing()
      const visit = newBrowser()
      const denied = locationOf(yield* decided(visit, yield* arrived(visit, asking()), "deny"))
      assert.deepStrictEqual(Object.fromEntries(denied.searchParams), { error: "access_denied", state: "s&1", iss: BASE })
      assert.strictEqual((yield* visit.get(asking())).status, 200)
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("is not shown for what was allowed before, and is for anything else, for another user, and after half a year", () =>
    Effect.gen(function*() {
      const { newBrowser } = yield* authorizing()
      const visit = newBrowser()
      yield* allowed(visit)
      assert.match((yield* visit.get(asking())).headers.get("location") ?? "", /code=/u)
      const others = [{ redirect_uri: "http://127.0.0.1:5556/callback" }, { resource: `${BASE}/servers/near/mcp` }, { prompt: "consent" }]
      for (const more of others) assert.strictEqual((yield* visit.get(asking(more))).status, 200, JSON.stringify(more))
      assert.strictEqual((yield* arrived(newBrowser(), asking(), "bob")).status, 200)
      yield* TestClock.adjust("181 days")
      assert.strictEqual((yield* arrived(visit, asking())).status, 200)
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("takes the form of the session that it was shown in, and no other", () =>
    Effect.gen(function*() {
      const { newBrowser } = yield* authorizing()
      const [ada, eve] = [newBrowser(), newBrowser()]
      const fields = fieldsOf(yield* pageOf(yield* arrived(ada, asking())))
      const eves = fieldsOf(yield* pageOf(yield* arrived(eve, asking(), "eve")))
      const post = (form: Record<string, string>) => Effect.map(ada.post("/oauth/consent", { ...form, decision: "allow" }), ({ status }) => status)
      assert.strictEqual(yield* post(eves), 403)
      assert.strictEqual(yield* post({ request: fields["request"] ?? "" }), 403)
      assert.strictEqual(yield* post({ ...fields, request: (fields["request"] ?? "").replace("5555", "6666%2Fevil") }), 400)
      assert.strictEqual((yield* newBrowser().post("/oauth/consent", { ...fields, decision: "allow" })).status, 401)
      assert.strictEqual(yield* post(fields), 303)
    }).pipe(Effect.scoped, Effect.provide(services)))
})
