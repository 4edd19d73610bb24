/** What the parts of the manifest about sign-in say of each other: what does not fit is refused where it stands. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { loadTexts, mistakesOf } from "../kit/manifest.ts"

const own = "master_oauth: { provider: gateway }"
const upstream = "upstream: { provider: oidc, issuer: \"https://id.example.com\", client_id: a, client_secret: b }"
const desk = "{ client_id: desk, redirect_uris: [\"http://127.0.0.1/cb\"] }"

const good: ReadonlyArray<readonly [title: string, lines: string]> = [
  ["the gateway gives tokens and an upstream signs users in", `${own}\nauthorization_server: { ${upstream} }`],
  ["clients are listed", `${own}\nauthorization_server: { registration: cimd, clients: [${desk}], ${upstream} }`],
  ["it is reached elsewhere over https", `hosting: { host: 0.0.0.0, base_url: "https://gw.example.com" }\n${own}\nauthorization_server: { ${upstream} }`]
]

const bad: ReadonlyArray<readonly [title: string, lines: string, place: string, said: RegExp]> = [
  ["nobody signs users in", own, "2:27: master_oauth.provider", /needs authorization_server\.upstream/u],
  ["the upstream has no client of the gateway's", `${own}\nauthorization_server: { upstream: { provider: oidc, issuer: "https://id.example.com" } }`, "3:25: authorization_server.upstream", /needs client_id/u],
  ["the gateway is its own upstream", `${own}\nauthorization_server: { upstream: { provider: gateway, client_id: a } }`, "3:47: authorization_server.upstream.provider", /knows no users/u],
  ["the audience is chosen", `master_oauth: { provider: gateway, audience: "https://gw.example.com/mcp" }\nauthorization_server: { ${upstream} }`, "2:46: master_oauth.audience", /cannot be chosen/u],
  ["others reach it and it does not know its address", `hosting: { host: 0.0.0.0 }\n${own}\nauthorization_server: { ${upstream} }`, "3:27: master_oauth.provider", /needs hosting\.base_url/u],
  ["its address is plain http elsewhere", `hosting: { base_url: "http://gw.example.com" }\n${own}\nauthorization_server: { registration: cimd, ${upstream} }`, "2:22: hosting.base_url", /has to begin with https/u],
  ["users sign in elsewhere", `master_oauth: { provider: oidc, issuer: "https://id.example.com" }\nauthorization_server: { ${upstream} }`, "3:25: authorization_server.upstream", /is only for/u],
  ["nothing takes its tokens", "authorization_server: { registration: cimd }", "2:1: authorization_server", /nothing takes/u],
  ["two clients have one name", `${own}\nauthorization_server: { clients: [${desk}, ${desk}], ${upstream} }`, "authorization_server.clients.1.client_id", /another client already/u],
  ["a client may be sent anywhere", `${own}\nauthorization_server: { clients: [{ client_id: a, redirect_uris: ["http://a.example.com/"] }], ${upstream} }`, "authorization_server.clients.0.redirect_uris.0", /https:\/\//u],
  ["a client has no address", `${own}\nauthorization_server: { clients: [{ client_id: a, redirect_uris: [] }], ${upstream} }`, "authorization_server.clients.0.redirect_uris", /./u],
  [
    "a server exchanges tokens that only the gateway takes",
    `${own}\nauthorization_server: { ${upstream} }\nservers:\n  - { id: a, type: remote, url: "https://a.example.com", auth_strategy: master_oauth, auth_config: { method: token_exchange } }`,
    "servers.a.auth_config.method",
    /no token to exchange/u
  ]
]

describe("a gateway that gives tokens itself", () => {
  for (const [title, lines] of good) {
    it.effect(`is taken where ${title}`, () =>
      Effect.gen(function*() {
        assert.strictEqual((yield* loadTexts([`version: 1\n${lines}\n`])).manifest.version, 1)
      }).pipe(Effect.provide(NodeServices.layer)))
  }

  for (const [title, lines, place, said] of bad) {
    it.effect(`is refused at its line where ${title}`, () =>
      Effect.gen(function*() {
        const [mistake = ""] = yield* mistakesOf([`version: 1\n${lines}\n`])
        assert.include(mistake, place)
        assert.match(mistake, said)
      }).pipe(Effect.provide(NodeServices.layer)))
  }
})
