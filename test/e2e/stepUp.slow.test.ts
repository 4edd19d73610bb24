/** A client of the official SDK at a gateway whose users sign in at a real authorization server: found by metadata, refreshed, and sent for more scopes. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { resolve } from "node:path"
import { authorizationServer } from "../kit/authorizationServer.ts"
import { userBrowser } from "../kit/browser.ts"
import { textOf } from "../kit/client.ts"
import { until } from "../kit/calls.ts"
import { gateway } from "../kit/gateway.ts"
import { RETURN, signedInClient, type SignedInClient } from "../kit/mcpClient.ts"

const near = { id: "near", type: "local", path: resolve("test/fixtures/servers/watched.mjs"), auth_strategy: "bypass_auth" }

const desk = {
  client_id: "desk",
  token_endpoint_auth_method: "none" as const,
  application_type: "native" as const,
  redirect_uris: [RETURN],
  grant_types: ["authorization_code", "refresh_token"]
}

const heard = async ({ client }: SignedInClient) =>
  textOf(await until(() => client.callTool({ name: "near__heard", arguments: {} }).catch(() => ({ isError: true, content: [] })), ({ isError }) => isError !== true))

describe("the official client", () => {
  for (const era of ["legacy", "modern"] as const) {
    it.live(`finds where to sign in, proves itself with PKCE for this resource, and refreshes without its user (${era})`, () =>
      Effect.gen(function*() {
        const home = yield* authorizationServer({ more: { clients: [desk] }, scopes: ["mcp", "offline_access"] })
        const { url } = yield* gateway({ master_oauth: { provider: "oidc", issuer: home.issuer, required_scopes: ["mcp"] }, servers: [near] })
        yield* Effect.promise(async () => {
          const one = await signedInClient({ url, era, browser: userBrowser("ada"), clientId: "desk" })
          assert.isString(await heard(one))
          assert.strictEqual(one.asked(), 1)
          const { aud } = JSON.parse(Buffer.from(one.held.tokens?.access_token.split(".")[1] ?? "", "base64url").toString())
          assert.strictEqual(aud, url, "the token is for this endpoint")
          const before = one.held.tokens
          assert.isString(before?.refresh_token)
          // Its token is over; the signature of what it holds now is not the one that was made.
          one.held.tokens = before && { ...before, access_token: `${before.access_token.slice(0, -8)}AAAAAAAA` }
          assert.isString(await heard(one))
          assert.strictEqual(one.asked(), 1, "no user was needed")
          assert.notStrictEqual(one.held.tokens?.access_token, before?.access_token)
          await one.client.close()
        })
      }).pipe(Effect.scoped))

    it.live(`goes for the scopes that its token lacks, once and all of them (${era})`, () =>
      Effect.gen(function*() {
        const home = yield* authorizationServer({ more: { clients: [desk] }, scopes: ["mcp", "mcp:more", "other"] })
        const { url } = yield* gateway({ master_oauth: { provider: "oidc", issuer: home.issuer, required_scopes: ["mcp", "mcp:more"] }, servers: [near] })
        const less = yield* home.forUser("ada", { audience: url, scopes: ["other"] })
        yield* Effect.promise(async () => {
          const tokens = { access_token: less.access_token, token_type: "Bearer" }
          const one = await signedInClient({ url, era, browser: userBrowser("ada"), clientId: "desk", tokens })
          assert.isString(await heard(one))
          assert.strictEqual(one.asked(), 1)
          assert.sameMembers((one.held.tokens?.scope ?? "").split(" ").filter((scope) => scope.startsWith("mcp")), ["mcp", "mcp:more"])
          await one.client.close()
        })
      }).pipe(Effect.scoped))
  }
})
