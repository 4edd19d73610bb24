/** The provider github with a server that speaks as GitHub Enterprise does. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { APP, github, type Github, type GithubToken, OTHER_APP } from "../../kit/github.ts"
import { loopback, sendJson } from "../../kit/loopback.ts"
import { builtProvider, providerHost, verdictOn } from "../../kit/providers.ts"

const AUDIENCE = "https://gw.example.com/mcp"
const TOKEN = "gho_16C7e42F292c6912E7710c838347Ae178B4a"
const usual: GithubToken = { app: APP.client_id, user: { id: 1024, login: "ada" }, scopes: ["repo", "user"], expires_at: null }

const providerFor = ({ issuer }: Github) => builtProvider("github", { ...APP, issuer })

const cases: ReadonlyArray<readonly [title: string, token: Partial<GithubToken>, expected: string]> = [
  ["that was given to our app", {}, "good"],
  ["that was given to another app", { app: OTHER_APP }, "inactive"],
  ["that ends later", { expires_at: new Date(Date.now() + 3_600_000).toISOString() }, "good"],
  ["that has ended", { expires_at: new Date(Date.now() - 1000).toISOString() }, "expired"],
  ["that ends when nobody can read", { expires_at: "soon" }, "expired"],
  ["of nobody", { user: null }, "subject"]
]

describe("the provider github", () => {
  for (const [title, token, expected] of cases) {
    it.live(`${expected === "good" ? "accepts" : "refuses"} a token ${title}${expected === "good" ? "" : ` (${expected})`}`, () =>
      Effect.gen(function*() {
        const server = yield* github
        server.tokens.set(TOKEN, { ...usual, ...token })
        assert.strictEqual(yield* verdictOn(yield* providerFor(server), TOKEN, AUDIENCE), expected)
      }).pipe(Effect.provide(providerHost)))
  }

  it.live("names the user by the id, which never changes, and not by the login, which does; the token is no claim", () =>
    Effect.gen(function*() {
      const server = yield* github
      server.tokens.set(TOKEN, usual)
      const provider = yield* providerFor(server)
      const identity = yield* provider.validate(Redacted.make(TOKEN), AUDIENCE)
      assert.strictEqual(identity.issuer, server.issuer)
      assert.strictEqual(identity.subject, "1024")
      assert.strictEqual(identity.clientId, APP.client_id)
      assert.deepStrictEqual(identity.scopes, ["repo", "user"])
      assert.strictEqual(identity.claims["login"], "ada")
      assert.notInclude(JSON.stringify(identity), TOKEN)
      assert.strictEqual(provider.believedFor, 5000)
    }).pipe(Effect.provide(providerHost)))

  it.live("refuses a token that is revoked, and what looks like none of GitHub's without asking", () =>
    Effect.gen(function*() {
      const server = yield* github
      server.tokens.set(TOKEN, usual)
      const provider = yield* providerFor(server)
      assert.strictEqual(yield* verdictOn(provider, TOKEN, AUDIENCE), "good")
      server.tokens.delete(TOKEN)
      assert.strictEqual(yield* verdictOn(provider, TOKEN, AUDIENCE), "inactive")
      for (const text of ["", "a.b.c", "x".repeat(256), "gho_\n", "../../user"]) assert.strictEqual(yield* verdictOn(provider, text, AUDIENCE), "malformed")
      assert.strictEqual(server.requests.length, 2)
    }).pipe(Effect.provide(providerHost)))

  it.live("lets nobody in when GitHub is in trouble or does not know the app, and shows no secret then", () =>
    Effect.gen(function*() {
      const server = yield* github
      server.tokens.set(TOKEN, usual)
      const provider = yield* providerFor(server)
      for (const [status, message] of [[403, "API rate limit exceeded"], [500, "Server Error"], [503, "Unavailable"], [302, "Moved"]] as const) {
        server.trouble.answer = { status, message }
        assert.strictEqual(yield* verdictOn(provider, TOKEN, AUDIENCE), "unavailable")
      }
      server.trouble.answer = undefined
      const other = yield* builtProvider("github", { client_id: APP.client_id, client_secret: "wrong-secret", issuer: server.issuer })
      const failed = yield* Effect.flip(other.validate(Redacted.make(TOKEN), AUDIENCE))
      assert.strictEqual(failed.message, `The issuer ${server.issuer} did not say whether a token is good: it answered 401`)
      assert.notMatch(JSON.stringify(failed) + failed.stack, /gho_|wrong-secret|Bad credentials/u)
      yield* server.down
      assert.strictEqual(yield* verdictOn(provider, TOKEN, AUDIENCE), "unavailable")
    }).pipe(Effect.provide(providerHost)))

  it.live("refuses a token that a server takes for good, but of another app", () =>
    Effect.gen(function*() {
      const app = { name: "other", client_id: OTHER_APP }
      const server = yield* loopback(() => (_, response) => sendJson(response, 200, { app, user: usual.user, scopes: [], expires_at: null }))
      const provider = yield* builtProvider("github", { ...APP, issuer: `${server.origin}/login/oauth` })
      assert.strictEqual(yield* verdictOn(provider, TOKEN, AUDIENCE), "audience")
    }).pipe(Effect.provide(providerHost)))

  it.live("refreshes, though GitHub tells its errors with 200", () =>
    Effect.gen(function*() {
      const server = yield* github
      server.refreshTokens.add("ghr_first")
      const provider = yield* providerFor(server)
      const tokens = yield* provider.refresh(Redacted.make("ghr_first"))
      assert.strictEqual(Redacted.value(tokens.accessToken), "ghu_next")
      assert.strictEqual(tokens.refreshToken && Redacted.value(tokens.refreshToken), "ghr_next")
      assert.deepStrictEqual(tokens.scopes, ["repo", "user"])
      assert.strictEqual((yield* Effect.flip(provider.refresh(Redacted.make("ghr_first"))))._tag, "TokenRefused")
      const other = yield* builtProvider("github", { client_id: "other", client_secret: "hunter2", issuer: server.issuer })
      assert.strictEqual((yield* Effect.flip(other.refresh(Redacted.make("ghr_next"))))._tag, "ProviderUnavailable")
    }).pipe(Effect.provide(providerHost)))

  it.live("says who a user is, and where users sign in", () =>
    Effect.gen(function*() {
      const server = yield* github
      server.tokens.set(TOKEN, usual)
      const provider = yield* providerFor(server)
      assert.include(yield* provider.userInfo(Redacted.make(TOKEN)), { login: "ada", id: 1024 })
      assert.strictEqual((yield* Effect.flip(provider.userInfo(Redacted.make("gho_none"))))._tag, "TokenRefused")
      const { authorizationEndpoint, codeChallengeMethods, issuer, tokenEndpoint } = yield* (yield* builtProvider("github", APP)).metadata
      assert.deepStrictEqual({ authorizationEndpoint, codeChallengeMethods, issuer, tokenEndpoint }, {
        authorizationEndpoint: "https://github.com/login/oauth/authorize",
        codeChallengeMethods: ["S256"],
        issuer: "https://github.com/login/oauth",
        tokenEndpoint: "https://github.com/login/oauth/access_token"
      })
    }).pipe(Effect.provide(providerHost)))
})
