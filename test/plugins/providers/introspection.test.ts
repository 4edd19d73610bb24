/** What the issuer may say about a token that nobody else can read, and about a JWT that it has revoked. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { AUDIENCE, type Issuer, issuerAt } from "../../kit/issuer.ts"
import { sendJson } from "../../kit/loopback.ts"
import { builtProvider, providerHost, verdictOn } from "../../kit/providers.ts"

const now = () => Math.floor(Date.now() / 1000)
const introspection = { client_id: "rs", client_secret: "hunter2" }

const asking = (issuer: Issuer) => builtProvider("oidc", { issuer: issuer.issuer, introspection })

const good = { active: true, aud: AUDIENCE, sub: "ada", exp: now() + 300, client_id: "desk", scope: "mcp" }

const cases: ReadonlyArray<readonly [title: string, answer: unknown, expected: string]> = [
  ["is active", good, "good"],
  ["is active, of this issuer", { ...good, iss: "ISSUER" }, "good"],
  ["is active, but of another issuer", { ...good, iss: "https://evil.example.com" }, "issuer"],
  ["is not active", { active: false }, "inactive"],
  ["is not active, whatever else it says", { ...good, active: false }, "inactive"],
  ["is active for somebody else", { ...good, aud: "https://other.example.com" }, "audience"],
  ["is active for us among others", { ...good, aud: [AUDIENCE, "https://other.example.com"] }, "audience"],
  ["is active, but not for whom", { ...good, aud: undefined }, "audience"],
  ["is active for nobody in particular", { ...good, sub: undefined }, "subject"],
  ["is active though it has expired", { ...good, exp: now() - 61 }, "expired"],
  ["is active though its time has not come", { ...good, nbf: now() + 90 }, "not_yet"],
  ["is active in a word", { ...good, active: "true" }, "unavailable"],
  ["is nothing that can be read", "active", "unavailable"]
]

describe("introspection", () => {
  for (const [title, answer, expected] of cases) {
    it.live(`makes a token ${expected === "good" ? "good" : `no good (${expected})`} where the issuer says that it ${title}`, () =>
      Effect.gen(function*() {
        const issuer = yield* issuerAt()
        issuer.answers.introspection = (_, response) => sendJson(response, 200, JSON.parse(JSON.stringify(answer).replace("ISSUER", issuer.issuer)))
        assert.strictEqual(yield* verdictOn(yield* asking(issuer), "opaque", AUDIENCE), expected)
      }).pipe(Effect.provide(providerHost)))
  }

  it.live("ends a JWT that is good by itself once it is revoked, and is not asked about one that is not", () =>
    Effect.gen(function*() {
      const issuer = yield* issuerAt()
      const seen: Array<string> = []
      let active = true
      issuer.answers.introspection = (token, response) => {
        seen.push(token)
        sendJson(response, 200, { active })
      }
      const provider = yield* asking(issuer)
      const token = yield* Effect.promise(() => issuer.mint())
      assert.strictEqual(yield* verdictOn(provider, token, AUDIENCE), "good")
      active = false
      assert.strictEqual(yield* verdictOn(provider, token, AUDIENCE), "inactive")
      assert.strictEqual(yield* verdictOn(provider, token, "https://other.example.com"), "audience")
      assert.deepStrictEqual(seen, [token, token])
    }).pipe(Effect.provide(providerHost)))

  it.live("lets nobody in where it fails, and shows neither the token nor what the issuer said", () =>
    Effect.gen(function*() {
      const issuer = yield* issuerAt()
      issuer.answers.introspection = (token, response) => sendJson(response, 500, { error: "server_error", error_description: `cannot find ${token}` })
      const failed = yield* Effect.flip(Effect.flatMap(asking(issuer), (provider) => provider.validate(Redacted.make("s3cret"), AUDIENCE)))
      assert.strictEqual(failed.message, `The issuer ${issuer.issuer} did not say whether a token is good: it answered 500 server_error`)
      assert.notMatch(JSON.stringify(failed) + failed.stack, /s3cret|cannot find/u)
    }).pipe(Effect.provide(providerHost)))

  it.effect("gives a token without an end the longest life, because it is asked about again all the time", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(5000)
      const issuer = yield* issuerAt()
      issuer.answers.introspection = (_, response) => sendJson(response, 200, { ...good, exp: undefined })
      const provider = yield* asking(issuer)
      const { expires } = yield* provider.validate(Redacted.make("opaque"), AUDIENCE)
      assert.strictEqual(expires, 3605)
      assert.strictEqual(provider.believedFor, 5000)
    }).pipe(Effect.provide(providerHost)))
})

describe("a user's own tokens", () => {
  it.live("are refreshed by the gateway's client, and what cannot be refreshed says why without a secret", () =>
    Effect.gen(function*() {
      const issuer = yield* issuerAt()
      const forms: Array<string> = []
      let status = 200
      issuer.answers.token = (form, response) => {
        forms.push(form.toString())
        sendJson(response, status, { access_token: "new", token_type: "bearer", expires_in: "60", scope: "mcp", error: "weird error s3cret" })
      }
      const provider = yield* builtProvider("oidc", { issuer: issuer.issuer, client_id: "desk" })
      const tokens = yield* provider.refresh(Redacted.make("old"))
      assert.deepStrictEqual(forms, ["client_id=desk&grant_type=refresh_token&refresh_token=old"])
      assert.strictEqual(Redacted.value(tokens.accessToken), "new")
      assert.isUndefined(tokens.refreshToken)
      assert.deepStrictEqual(tokens.scopes, ["mcp"])
      status = 500
      const failed = yield* Effect.flip(provider.refresh(Redacted.make("old")))
      assert.strictEqual(failed.message, `The issuer ${issuer.issuer} gave no token: it answered 500`)
    }).pipe(Effect.provide(providerHost)))

  it.live("say who the user is, where they are the gateway's", () =>
    Effect.gen(function*() {
      const issuer = yield* issuerAt()
      const provider = yield* builtProvider("oidc", { issuer: issuer.issuer })
      assert.deepStrictEqual(yield* provider.userInfo(Redacted.make("own")), { sub: "ada", asked_with: "Bearer own" })
      issuer.answers.metadata = { userinfo_endpoint: undefined }
      const other = yield* builtProvider("oidc", { issuer: issuer.issuer })
      assert.include((yield* Effect.flip(other.userInfo(Redacted.make("own")))).message, "has no userinfo endpoint")
    }).pipe(Effect.provide(providerHost)))
})
