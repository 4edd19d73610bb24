/** Sign-in with a browser: what comes back from the issuer counts only in the browser that went there, once, and from that issuer. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { LOCAL } from "../../src/guard/Authentication.ts"
import { Browser } from "../../src/oauth/Browser.ts"
import { SignIns } from "../../src/plugin/SignIns.ts"
import { begin, cookieFor } from "../../src/oauth/browser/Attempts.ts"
import { subjectFrom } from "../../src/oauth/browser/SignInPlace.ts"
import type { Returned } from "../../src/plugin/Provider.ts"
import { Store } from "../../src/store/Store.ts"
import { answerTo, BASE, gateway, sentAway, signedIn, visitorOf } from "../kit/browsing.ts"
import { CALLBACK, clientFor, ISSUER, rulesWith, services } from "../kit/oauth.ts"

describe("a browser that signs in", () => {
  it.effect("goes to the issuer with PKCE, a state and a nonce of its own, and comes back as the user", () =>
    Effect.gen(function*() {
      const asked: Array<Returned> = []
      const { newBrowser } = yield* gateway(BASE, asked)
      const visit = newBrowser()
      assert.isUndefined(yield* visitorOf(visit))
      const { address, response } = yield* sentAway(visit, "/oauth/sign-out?x=1")
      assert.strictEqual(response.status, 303)
      assert.strictEqual(address.origin + address.pathname, `${ISSUER}/authorize`)
      const { code_challenge, nonce, state, ...sent } = Object.fromEntries(address.searchParams)
      assert.deepStrictEqual(sent, {
        tenant: "1",
        response_type: "code",
        client_id: "gateway",
        redirect_uri: `${BASE}${CALLBACK}`,
        scope: "openid",
        code_challenge_method: "S256"
      })
      const back = yield* visit.get(answerTo(address))
      assert.strictEqual(back.headers.get("location"), `${BASE}/oauth/sign-out?x=1`)
      const [returned] = asked
      assert.strictEqual(returned?.nonce, nonce)
      const digest = yield* Effect.promise(() => crypto.subtle.digest("SHA-256", new TextEncoder().encode(Redacted.value(returned?.codeVerifier ?? Redacted.make("")))))
      assert.strictEqual(Buffer.from(digest).toString("base64url"), code_challenge)
      assert.lengthOf(new Set([state, nonce, code_challenge]), 3)
      assert.deepInclude((yield* visitorOf(visit))?.principal, { issuer: ISSUER, subject: "ada" })
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("has cookies that no script, other site or other host gets; on loopback http the port tells gateways apart", () =>
    Effect.gen(function*() {
      const { newBrowser } = yield* gateway()
      const [cookie = ""] = (yield* signedIn(newBrowser())).headers.getSetCookie()
      assert.match(cookie, /^__Host-manifold-session=[\w-]{43}; Max-Age=28800; Path=\/; HttpOnly; Secure; SameSite=Lax$/u)
      const near = yield* gateway("http://127.0.0.1:8123")
      const [plain = ""] = (yield* signedIn(near.newBrowser())).headers.getSetCookie()
      assert.match(plain, /^manifold-8123-session=[\w-]{43}; Max-Age=28800; Path=\/; HttpOnly; SameSite=Lax$/u)
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("is nobody any more after eight hours, and where somebody else signs users in meanwhile", () =>
    Effect.gen(function*() {
      const { authentication, newBrowser } = yield* gateway()
      const visit = newBrowser()
      yield* signedIn(visit)
      yield* TestClock.adjust("7 hours")
      authentication.apply(rulesWith(clientFor("https://other.example.com"), {}, "https://other.example.com"))
      assert.isUndefined(yield* visitorOf(visit))
      authentication.apply(rulesWith(clientFor(ISSUER)))
      assert.isDefined(yield* visitorOf(visit))
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(yield* visitorOf(visit))
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("is nobody with a cookie that was made up, and nothing in the store is one", () =>
    Effect.gen(function*() {
      const { newBrowser } = yield* gateway()
      const visit = newBrowser()
      yield* signedIn(visit)
      const id = visit.cookies.get("__Host-manifold-session") ?? ""
      const rows = yield* (yield* Store).list("vault", "")
      assert.isAbove(rows.length, 1)
      for (const { key, value } of rows) assert.notInclude(key + Buffer.from(value).toString("latin1"), id)
      for (const made of ["", "x", `${id}x`, "__proto__"]) {
        visit.cookies.set("__Host-manifold-session", made)
        assert.isUndefined(yield* visitorOf(visit))
      }
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("keeps what the issuer gave, sealed, for strategies that act for the user", () =>
    Effect.gen(function*() {
      const { newBrowser } = yield* gateway()
      yield* signedIn(newBrowser())
      const { of } = yield* SignIns
      const user = yield* of({ issuer: ISSUER, subject: "ada" })
      assert.strictEqual(user?.idToken.issuer, ISSUER)
      assert.notInclude(JSON.stringify(user), "id token of ada")
      assert.isUndefined(yield* of({ issuer: ISSUER, subject: "bob" }))
    }).pipe(Effect.scoped, Effect.provide(services)))
})

/** Each answer that must not sign anybody in, from one that would. */
const wrong: ReadonlyArray<readonly [title: string, more: Record<string, string>, metadata: object]> = [
  ["another issuer", { iss: "https://evil.example.com" }, {}],
  ["the issuer with one slash more", { iss: `${ISSUER}/` }, {}],
  ["no issuer, though it says that it names itself", { iss: "" }, {}],
  ["another issuer, where none has to be named", { iss: "https://evil.example.com" }, { isIssuerInResponse: false }],
  ["no code", { code: "" }, {}],
  ["an error", { error: "access_denied", error_description: "<b>call 555-0199-555</b>" }, {}],
  ["another state", { state: "made up" }, {}],
  ["no state", { state: "" }, {}]
]

describe("the answer of an issuer", () => {
  for (const [title, more, metadata] of wrong) {
    it.effect(`with ${title} signs nobody in, and nothing of it is shown`, () =>
      Effect.gen(function*() {
        const asked: Array<Returned> = []
        const { authentication, newBrowser } = yield* gateway(BASE, asked)
        authentication.apply(rulesWith(clientFor(ISSUER, asked), metadata))
        const visit = newBrowser()
        const { address } = yield* sentAway(visit)
        const answer = yield* visit.get(answerTo(address, more))
        assert.strictEqual(answer.status, 400)
        const text = yield* Effect.promise(() => answer.text())
        for (const value of ["555-0199-555", "evil.example.com", "made up"]) assert.notInclude(text, value)
        assert.isUndefined(yield* visitorOf(visit))
        assert.lengthOf(asked, 0)
      }).pipe(Effect.scoped, Effect.provide(services)))
  }

  it.effect("is for the browser that began: another one gets nothing, and takes nothing away", () =>
    Effect.gen(function*() {
      const { newBrowser } = yield* gateway()
      const [ada, eve] = [newBrowser(), newBrowser()]
      const { address } = yield* sentAway(ada)
      yield* sentAway(eve)
      assert.strictEqual((yield* eve.get(answerTo(address))).status, 400)
      const [name = ""] = [...ada.cookies.keys()].filter((each) => each.includes("sign-in"))
      eve.cookies.set(name, [...eve.cookies.values()][0] ?? "")
      assert.strictEqual((yield* eve.get(answerTo(address))).status, 400, "nor with a cookie of the right name")
      assert.isUndefined(yield* visitorOf(eve))
      assert.strictEqual((yield* ada.get(answerTo(address))).status, 303)
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("is good once, also when it comes twice at a time, and for ten minutes", () =>
    Effect.gen(function*() {
      const { newBrowser } = yield* gateway()
      const visit = newBrowser()
      const { address } = yield* sentAway(visit)
      const both = yield* Effect.all([visit.get(answerTo(address)), visit.get(answerTo(address))], { concurrency: "unbounded" })
      assert.deepStrictEqual(both.map(({ status }) => status).sort(), [303, 400])
      assert.strictEqual((yield* visit.get(answerTo(address))).status, 400)
      const late = yield* sentAway(visit)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* visit.get(answerTo(late.address))).status, 400)
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("is none where it belongs to the consent for a server, which has an address of its own", () =>
    Effect.gen(function*() {
      const { newBrowser } = yield* gateway()
      const visit = newBrowser()
      const { browser, state } = yield* begin(ISSUER, "", "the server far")
      visit.cookies.set(`__Host-manifold-${yield* cookieFor(state)}`, browser)
      assert.strictEqual((yield* visit.get(answerTo(new URL(`${ISSUER}?state=${state}`)))).status, 400)
      assert.isUndefined(yield* visitorOf(visit))
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("leads to the place of its own sign-in, when two are on their way in one browser", () =>
    Effect.gen(function*() {
      const { newBrowser } = yield* gateway()
      const visit = newBrowser()
      const one = yield* sentAway(visit, "/oauth/one")
      const two = yield* sentAway(visit, "/oauth/two")
      const places = yield* Effect.forEach([one, two], ({ address }) => visit.get(answerTo(address)))
      assert.deepStrictEqual(places.map(({ headers }) => headers.get("location")), [`${BASE}/oauth/one`, `${BASE}/oauth/two`])
      assert.lengthOf([...visit.cookies], 1, "the cookies of both sign-ins are gone")
    }).pipe(Effect.scoped, Effect.provide(services)))
})

describe("a user of an upstream", () => {
  it("has a name at the gateway that no other user of it or of another upstream has", () => {
    const users = [["a", "b@c"], ["c@a", "b"], ["a", "b%40c"], ["c", "b@a"], ["a", "b"], ["b", "a"], ["@", "a"], ["", "a@"]] as const
    assert.lengthOf(new Set(users.map(([issuer, subject]) => subjectFrom(issuer, subject))), users.length)
    assert.strictEqual(subjectFrom("https://id.example.com", "ada"), "ada@https://id.example.com")
  })
})

describe("nobody can sign in with a browser", () => {
  const reasonOf = Effect.map(Effect.flip(Effect.flatMap(Browser, ({ signIn }) => signIn("/x"))), ({ reason }) => reason)

  it.effect("where the manifest has no client of the gateway's, and the reason says what it lacks", () =>
    Effect.gen(function*() {
      const { authentication } = yield* gateway()
      authentication.apply({ kind: "guarded", keys: undefined, signIn: undefined })
      assert.include(yield* reasonOf, "master_oauth with client_id and client_secret")
      authentication.apply(rulesWith(undefined))
      assert.include(yield* reasonOf, "client_id and client_secret")
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("more than a thousand times a minute, since each try leaves a row", () =>
    Effect.gen(function*() {
      const { browser } = yield* gateway()
      for (let count = 0; count < 1000; count++) yield* browser.signIn("/x")
      assert.include(yield* reasonOf, "too many")
      yield* TestClock.adjust("61 seconds")
      yield* browser.signIn("/x")
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("and need not, where whoever reaches the gateway is the local user", () =>
    Effect.gen(function*() {
      const { authentication, browser, newBrowser } = yield* gateway()
      authentication.apply({ kind: "local" })
      const visitor = yield* visitorOf(newBrowser())
      assert.strictEqual(visitor?.principal, LOCAL)
      assert.match(visitor?.formToken ?? "", /^[\w-]{43}$/u)
      assert.strictEqual((yield* browser.signIn("/oauth/x")).headers["location"], `${BASE}/oauth/x`)
    }).pipe(Effect.scoped, Effect.provide(services)))
})
