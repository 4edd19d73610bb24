/** Which ID tokens sign a user in with a browser, each refusal beside the token that differs in that one point; and GitHub, which has none. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { APP, github } from "../../kit/github.ts"
import { CLIENT, google } from "../../kit/google.ts"
import { type Issuer, issuerAt, type Minted, newKey } from "../../kit/issuer.ts"
import { sendJson } from "../../kit/loopback.ts"
import { builtProvider, providerHost } from "../../kit/providers.ts"

const now = () => Math.floor(Date.now() / 1000)
const SECRET = "hunter2"
const returned = {
  code: Redacted.make("the code"),
  codeVerifier: Redacted.make("the verifier"),
  redirectUri: "https://gw.example.com/oauth/callback",
  nonce: "n-1"
}

const clientAt = Effect.fnUntraced(function*(name: string, config: unknown) {
  const { browser } = yield* builtProvider(name, config)
  return browser ?? assert.fail("nobody can sign in with a browser")
})

/** Answers the code with an ID token, and keeps the form that asked for it. */
const givingIdTokens = (issuer: Issuer, { claims = {}, header = {}, ...minted }: Minted) => {
  const forms: Array<Record<string, string>> = []
  issuer.answers.token = (form, response) => {
    forms.push(Object.fromEntries(form))
    const idToken = { claims: { aud: "gateway", client_id: undefined, scope: undefined, nonce: "n-1", ...claims }, header: { typ: "JWT", ...header }, ...minted }
    void issuer.mint(idToken).then((id_token) => sendJson(response, 200, { access_token: "at", token_type: "Bearer", refresh_token: "rt", id_token }))
  }
  return forms
}

const verdict = Effect.fnUntraced(function*(minted: (issuer: Issuer) => Minted) {
  const issuer = yield* issuerAt()
  givingIdTokens(issuer, minted(issuer))
  const { redeem } = yield* clientAt("oidc", { issuer: issuer.issuer, client_id: "gateway", client_secret: SECRET })
  return yield* redeem(returned).pipe(
    Effect.map(({ identity }) => identity.subject),
    Effect.catchTags({ TokenRefused: ({ reason }) => Effect.succeed(reason), ProviderUnavailable: () => Effect.succeed("unavailable") })
  )
})

const cases: ReadonlyArray<readonly [title: string, minted: (issuer: Issuer) => Minted, expected: string]> = [
  ["for our client and this sign-in", () => ({}), "ada"],
  ["without a type, which ID tokens need not have", () => ({ header: { typ: undefined } }), "ada"],
  ["that names our client as the one it was given to", () => ({ claims: { azp: "gateway" } }), "ada"],
  ["that lives for ten hours, as some do", () => ({ claims: { exp: now() + 36_000 } }), "ada"],
  ["of another sign-in", () => ({ claims: { nonce: "n-2" } }), "malformed"],
  ["of no sign-in", () => ({ claims: { nonce: undefined } }), "malformed"],
  ["for another client", () => ({ claims: { aud: "other" } }), "audience"],
  ["for our client and another", () => ({ claims: { aud: ["gateway", "other"] } }), "audience"],
  ["that was given to another client", () => ({ claims: { azp: "other" } }), "audience"],
  ["of another issuer", () => ({ claims: { iss: "https://evil.example.com" } }), "issuer"],
  ["whose issuer has one slash more", ({ issuer }) => ({ claims: { iss: `${issuer}/` } }), "issuer"],
  ["that has expired", () => ({ claims: { iat: now() - 200, exp: now() - 61 } }), "expired"],
  ["without an end", () => ({ claims: { exp: undefined } }), "malformed"],
  ["that does not say since when", () => ({ claims: { iat: undefined } }), "malformed"],
  ["of nobody", () => ({ claims: { sub: undefined } }), "subject"],
  ["that is an access token", () => ({ header: { typ: "at+jwt" } }), "type"]
]

describe("sign-in with a browser at an OpenID Connect issuer", () => {
  for (const [title, minted, expected] of cases) {
    it.live(`${expected === "ada" ? "takes" : "refuses"} an ID token ${title}`, () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* verdict(minted), expected)
      }).pipe(Effect.provide(providerHost)))
  }

  it.live("refuses an ID token of a key that the issuer does not publish", () =>
    Effect.gen(function*() {
      const key = yield* Effect.promise(() => newKey("one"))
      assert.strictEqual(yield* verdict(() => ({ key })), "signature")
    }).pipe(Effect.provide(providerHost)))

  it.live("shows the code with the verifier and the way back to the token endpoint, and gives what came for it", () =>
    Effect.gen(function*() {
      const issuer = yield* issuerAt("/tenant")
      const forms = givingIdTokens(issuer, {})
      const { clientId, redeem } = yield* clientAt("oidc", { issuer: issuer.issuer, client_id: "gateway" })
      const { identity, idToken, refreshToken } = yield* redeem(returned)
      assert.deepStrictEqual(forms, [{
        grant_type: "authorization_code",
        code: "the code",
        code_verifier: "the verifier",
        redirect_uri: returned.redirectUri,
        client_id: "gateway"
      }])
      assert.strictEqual(clientId, "gateway")
      assert.deepInclude(identity, { issuer: issuer.issuer, subject: "ada" })
      assert.strictEqual(refreshToken && Redacted.value(refreshToken), "rt")
      assert.match(idToken === undefined ? "" : Redacted.value(idToken), /^ey/u)
    }).pipe(Effect.provide(providerHost)))

  it.live("fails where the issuer gives no ID token, or nothing for the code", () =>
    Effect.gen(function*() {
      const issuer = yield* issuerAt()
      const { redeem } = yield* clientAt("oidc", { issuer: issuer.issuer, client_id: "gateway" })
      const failing = Effect.map(Effect.flip(redeem(returned)), ({ message }) => message)
      issuer.answers.token = (_, response) => sendJson(response, 200, { access_token: "at", token_type: "Bearer" })
      assert.include(yield* failing, "no ID token")
      issuer.answers.token = (_, response) => sendJson(response, 400, { error: "invalid_grant", error_description: "the code" })
      assert.strictEqual(yield* failing, "The token was refused (inactive): the issuer gives nothing for it any more")
      yield* issuer.down
      assert.notInclude(yield* failing, "the code")
    }).pipe(Effect.provide(providerHost)))

  it.live("is not there where the manifest names no client of the gateway's", () =>
    Effect.gen(function*() {
      const issuer = yield* issuerAt()
      assert.isUndefined((yield* builtProvider("oidc", { issuer: issuer.issuer })).browser)
      const server = yield* google
      assert.isUndefined((yield* builtProvider("google", server.config)).browser)
    }).pipe(Effect.provide(providerHost)))
})

describe("sign-in with a browser at Google and GitHub", () => {
  it.live("Google's ID token names the user that its access tokens name", () =>
    Effect.gen(function*() {
      const server = yield* google
      const { redeem, scopes } = yield* clientAt("google", { ...server.config, client_secret: CLIENT.client_secret })
      server.codes.set("the code", { nonce: "n-1", iss: new URL(server.origin).host })
      const { identity } = yield* redeem(returned)
      assert.deepInclude(identity, { issuer: server.origin, subject: "110169484474386276334" })
      assert.include(scopes, "openid")
      server.codes.set("the code", { nonce: "n-2" })
      assert.strictEqual((yield* Effect.flip(redeem(returned)))._tag, "TokenRefused")
    }).pipe(Effect.provide(providerHost)))

  it.live("GitHub's token says who signed in, when it was given to our app", () =>
    Effect.gen(function*() {
      const server = yield* github
      const { redeem } = yield* clientAt("github", { ...APP, issuer: server.issuer })
      server.codes.set("the code", "gho_new")
      server.tokens.set("gho_new", { app: APP.client_id, user: { id: 1024, login: "ada" }, scopes: [], expires_at: null })
      const { identity, idToken } = yield* redeem(returned)
      assert.deepInclude(identity, { issuer: server.issuer, subject: "1024" })
      assert.isUndefined(idToken)
      const again = yield* Effect.flip(redeem(returned))
      assert.strictEqual(again._tag, "TokenRefused", "a code is good once")
    }).pipe(Effect.provide(providerHost)))
})
