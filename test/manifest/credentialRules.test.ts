/** What a server's strategy needs of the rest of the manifest: where it is missing, `check` says so at its line instead of a call later. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { loadTexts, mistakesOf } from "../kit/manifest.ts"

const signIn = (more = ", client_id: gw") => `master_oauth: { provider: oidc, issuer: "https://id.example.com"${more} }\n`
const desk = "authorization_server: { clients: [{ client_id: desk, redirect_uris: [\"http://127.0.0.1/cb\"] }] }\n"
const server = (strategy: string, place = `type: remote, url: "https://a.example.com/mcp"`, config = "{ client_id: gw }") =>
  `servers: [{ id: a, ${place}, auth_strategy: ${strategy}, auth_config: ${config} }]\n`
const local = "type: local, path: ./x"
const jag = "{ method: id_jag }"

const good: ReadonlyArray<readonly [title: string, text: string]> = [
  ["a local server gets nothing", server("bypass_auth", local, "{}")],
  ["a local server listens on a port", server("master_oauth", `${local}, config: { port: 9000 }`, "{ method: gateway_jwt }")],
  ["a plugin's strategy only decides who may call a local one", server("of_a_plugin", local)],
  ["the server is switched off", server("master_oauth", `${local}, enabled: false`, jag)],
  ["users sign in with a browser", signIn() + server("delegate_oauth")],
  ["there is one user, on this machine", server("delegate_oauth")],
  ["clients of a server with consent on the way are listed", desk + server("proxy_oauth")],
  ["GitHub signs users in", `master_oauth: { provider: github, client_id: a, client_secret: b }\n${server("delegate_oauth")}`]
]

const NOWHERE = /has nowhere to put a credential/u
const bad: ReadonlyArray<readonly [title: string, text: string, place: string, said: RegExp]> = [
  ["a process on standard input and output would get a credential", signIn() + server("delegate_oauth", local), "servers.a.auth_strategy", NOWHERE],
  ["a package would", server("master_oauth", "type: npm, package: x, version: 1.0.0", "{ method: gateway_jwt }"), "servers.a.auth_strategy", NOWHERE],
  ["a server over WebSocket would", signIn() + server("delegate_oauth", `type: remote, url: "wss://a.example.com/mcp"`), "servers.a.auth_strategy", NOWHERE],
  ["one with that transport would", signIn() + server("delegate_oauth", `type: remote, url: "https://a.example.com", transport: websocket`), "servers.a.auth_strategy", NOWHERE],
  ["no client may ask for a token", server("proxy_oauth"), "servers.a.auth_strategy", /needs authorization_server/u],
  ["none is listed and none can register", `authorization_server: {}\n${server("proxy_oauth")}`, "2:1: authorization_server", /lets no client in/u],
  ["nobody signs in", server("master_oauth", undefined, jag), "servers.a.auth_strategy", /needs master_oauth/u],
  ["there are keys only", `api_keys: true\n${server("delegate_oauth")}`, "servers.a.auth_strategy", /an API key has nobody/u],
  ["users cannot sign in with a browser", signIn("") + server("delegate_oauth"), "2:1: master_oauth", /needs client_id/u],
  ["users of ID-JAG cannot", signIn("") + server("master_oauth", undefined, jag), "2:1: master_oauth", /needs client_id/u],
  ["Google wants a secret for that", `master_oauth: { provider: google, client_id: a }\n${server("delegate_oauth")}`, "2:1: master_oauth", /needs client_secret/u]
]

describe("a strategy", () => {
  for (const [title, text] of good) {
    it.effect(`is taken where ${title}`, () =>
      Effect.gen(function*() {
        assert.strictEqual((yield* loadTexts([`version: 1\n${text}`])).manifest.servers.length, 1)
      }).pipe(Effect.provide(NodeServices.layer)))
  }

  for (const [title, text, place, said] of bad) {
    it.effect(`is refused at its line where ${title}`, () =>
      Effect.gen(function*() {
        const mistakes = yield* mistakesOf([`version: 1\n${text}`])
        assert.strictEqual(mistakes.length, 1, mistakes.join("\n"))
        assert.include(mistakes[0], place)
        assert.match(mistakes[0] ?? "", said)
      }).pipe(Effect.provide(NodeServices.layer)))
  }
})
