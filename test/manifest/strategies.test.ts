import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { loadTexts, mistakesOf } from "../kit/manifest.ts"

const server = (strategy: string, more = "") => `  - { id: a, type: remote, url: https://a.example.com/mcp, auth_strategy: ${strategy}${more} }\n`
const signIn = (more = "") => `master_oauth: { provider: oidc, issuer: https://id.example.com${more} }\n`
const own = (more = "clients: [{ client_id: desk, redirect_uris: [http://127.0.0.1/callback] }]") => `authorization_server: { ${more} }\n`
const client = ", client_id: gate, client_secret: s"

const fits: ReadonlyArray<readonly [string, string]> = [
  ["delegate_oauth for whoever is on this machine", `servers:\n${server("delegate_oauth")}`],
  ["delegate_oauth with sign-in in a browser", `${signIn(client)}servers:\n${server("delegate_oauth")}`],
  ["proxy_oauth with sign-in in a browser", `${signIn(client)}${own()}servers:\n${server("proxy_oauth")}`],
  ["proxy_oauth that asks who the user is", `${own()}servers:\n${server("proxy_oauth", ", auth_config: { scopes: [openid] }")}`],
  ["master_oauth for a process that serves HTTP", `${signIn()}servers:\n  - { id: a, type: local, path: ./a, auth_strategy: master_oauth, config: { port: 4000 } }\n`],
  ["sign-in of another provider, whose keys are its own", `master_oauth: { provider: mine }\nservers:\n${server("delegate_oauth")}`]
]

const doesNot: ReadonlyArray<readonly [string, string, RegExp]> = [
  ["a credential for a process on its standard streams", `servers:\n  - { id: a, type: local, path: ./a, auth_strategy: master_oauth }\n`, /has no way to a server that speaks on its standard streams/u],
  ["a credential for a bundle on its standard streams", `servers:\n  - { id: a, type: mcpb, path: ./a.mcpb, auth_strategy: master_oauth }\n`, /has no way to a server that speaks on its standard streams/u],
  ["a credential for an address that an entry of a registry has", `servers:\n  - { id: a, type: registry, name: a/b, auth_strategy: master_oauth }\n`, /needs the server's address in the manifest: write type remote/u],
  ["a credential for a server over WebSocket", `servers:\n  - { id: a, type: remote, url: "wss://a.example.com/mcp", auth_strategy: master_oauth }\n`, /has no way to a server over WebSocket/u],
  ["the same by its transport", `servers:\n  - { id: a, type: remote, url: "https://a.example.com/mcp", transport: websocket, auth_strategy: delegate_oauth }\n`, /has no way to a server over WebSocket/u],
  ["delegate_oauth with Google, which wants a secret", `master_oauth: { provider: google, client_id: g }\nservers:\n${server("delegate_oauth")}`, /needs master_oauth\.client_id and client_secret/u],
  ["users' own tokens for a process", `servers:\n  - { id: a, type: npm, package: b, auth_strategy: delegate_oauth, config: { port: 4000 } }\n`, /"delegate_oauth" is for servers that are reached at an address/u],
  ["delegate_oauth where nobody can sign in with a browser", `${signIn()}servers:\n${server("delegate_oauth")}`, /needs master_oauth\.client_id/u],
  ["delegate_oauth for machines alone", `api_keys: true\nservers:\n${server("delegate_oauth")}`, /needs master_oauth: users sign in with a browser/u],
  ["id_jag where nobody can sign in with a browser", `${signIn()}servers:\n${server("master_oauth", ", auth_config: { method: id_jag }")}`, /needs master_oauth\.client_id/u],
  ["proxy_oauth without an authorization server", `${signIn(client)}servers:\n${server("proxy_oauth")}`, /needs authorization_server/u],
  ["proxy_oauth without any client", `${signIn(client)}${own("registration: off")}servers:\n${server("proxy_oauth")}`, /has no client that could authorize/u],
  ["proxy_oauth where nobody says who its users are", `${own()}servers:\n${server("proxy_oauth", ", auth_config: { scopes: [read] }")}`, /has nobody who says who its users are/u]
]

describe("what a strategy needs of the rest of the manifest", () => {
  for (const [what, text] of fits) {
    it.effect(`is there with ${what}`, () =>
      Effect.gen(function*() {
        assert.lengthOf((yield* loadTexts([`version: 1\n${text}`])).manifest.servers, 1)
      }).pipe(Effect.provide(NodeServices.layer)))
  }

  for (const [what, text, expected] of doesNot) {
    it.effect(`is missed at the server's own line with ${what}`, () =>
      Effect.gen(function*() {
        const [first = "", ...more] = yield* mistakesOf([`version: 1\n${text}`])
        assert.deepStrictEqual(more, [])
        assert.match(first, /servers\.a\.auth_strategy: /u)
        assert.match(first, expected)
      }).pipe(Effect.provide(NodeServices.layer)))
  }
})
