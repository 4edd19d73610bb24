/**
 * `node scripts/conformance/authorized.ts URL`: the client that the suite starts to judge how the gateway gets tokens.
 * It puts a gateway in front of the suite's server, and is its user: one who calls, consents where told to, and calls again.
 */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { Effect, Redacted } from "effect"
import { decodeJwt } from "jose"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { storeFile } from "../../src/vault/Vault.node.ts"
import { keepSignIn } from "../../src/vault/SignIns.ts"
import { authorizationServer } from "../../test/kit/authorizationServer.ts"
import { userBrowser } from "../../test/kit/browser.ts"
import { linkIn } from "../../test/kit/consenting.ts"
import { type Gateway, gateway } from "../../test/kit/gateway.ts"
import { heldKey, keyOf, vaultAt } from "../../test/kit/vault.ts"
import { keyIn } from "../../test/kit/verbs.ts"

const url = process.argv[2] ?? ""
const scenario = process.env["MCP_CONFORMANCE_SCENARIO"] ?? ""
/** What the suite says to this client beside the address. */
const told: Readonly<Record<string, string>> = JSON.parse(process.env["MCP_CONFORMANCE_CONTEXT"] ?? "{}")

const USER = "ada"
/** Of the gateway's vault. */
const KEY = 1

/** Most times that the user follows a link. */
const PATIENCE = 5
/** How long they try; the suite gives the whole 30 s. */
const SECONDS = 8

const home = {
  client_id: "gate",
  client_secret: "gate-secret",
  application_type: "native" as const,
  redirect_uris: ["http://127.0.0.1/oauth/callback"],
  grant_types: ["authorization_code", "refresh_token"]
}

const written = { client_id: told["client_id"], client_secret: told["client_secret"] }

/** What the operator of the gateway writes about the suite's server. */
const serverFor = (issuer: string | undefined) => {
  const base = { id: "suite", type: "remote", url }
  const at = issuer === undefined ? {} : { issuer }
  switch (scenario) {
    case "auth/client-credentials-basic":
      return { ...base, auth_strategy: "master_oauth", auth_config: { method: "client_credentials", ...at, ...written } }
    case "auth/client-credentials-jwt":
      return { ...base, auth_strategy: "master_oauth", auth_config: { method: "client_credentials", ...at, client_id: told["client_id"], client_authentication: "private_key_jwt" } }
    case "auth/enterprise-managed-authorization": {
      const idp = { issuer: told["idp_issuer"], client_id: told["idp_client_id"], client_secret: "none" }
      return { ...base, auth_strategy: "master_oauth", auth_config: { method: "id_jag", ...at, ...written, audience: url, idp } }
    }
    case "auth/2025-03-26-oauth-metadata-backcompat":
      return { ...base, auth_strategy: "delegate_oauth", auth_config: { issuer: new URL(url).origin, registration: "dynamic" } }
    case "auth/pre-registration":
      return { ...base, auth_strategy: "delegate_oauth", auth_config: written }
    case "auth/basic-cimd":
      return { ...base, auth_strategy: "delegate_oauth", auth_config: { registration: "cimd" } }
    default:
      return { ...base, auth_strategy: "delegate_oauth", auth_config: { ...at, registration: "dynamic" } }
  }
}

/** Extensions name the authorization server in the manifest, which an operator reads where the server says it. */
const namedIssuer = async (): Promise<string | undefined> => {
  if (!scenario.startsWith("auth/client-credentials") && !scenario.startsWith("auth/enterprise")) return undefined
  const { origin, pathname } = new URL(url)
  const found = await (await fetch(`${origin}/.well-known/oauth-protected-resource${pathname}`)).text()
  const { authorization_servers: [issuer] }: { readonly authorization_servers: ReadonlyArray<string> } = JSON.parse(found)
  return issuer
}

const signedInClient = async (gate: Gateway, token: string) => {
  const mode = process.env["MCP_CONFORMANCE_PROTOCOL_VERSION"] === "2026-07-28" ? { pin: "2026-07-28" as const } : "legacy"
  const client = new Client({ name: "caller", version: "1.0.0" }, { versionNegotiation: { mode } })
  await client.connect(new StreamableHTTPClientTransport(new URL(gate.url), { requestInit: { headers: { authorization: `Bearer ${token}` } } }))
  return client
}

const useAs = async (gate: Gateway, token: string, moved: (issuer: string) => void) => {
  const client = await signedInClient(gate, token)
  const browser = userBrowser(USER)
  let hasMoved = false
  const end = performance.now() + SECONDS * 1000
  for (let links = 0; links < PATIENCE && performance.now() < end;) {
    const said = JSON.stringify(await client.callTool({ name: "suite__test-tool", arguments: {} }).catch(String))
    console.log(said)
    const link = linkIn(said)
    const elsewhere = /names (http\S+) now/u.exec(said)?.[1]
    if (elsewhere !== undefined || said.includes("Unknown tool") || said.includes("is not running")) {
      if (elsewhere !== undefined && !hasMoved) moved(elsewhere)
      hasMoved ||= elsewhere !== undefined
      await new Promise((again) => setTimeout(again, 100))
      continue
    }
    if (link === "") break
    links++
    const { html, status } = await browser.open(link)
    console.log(status, html.replaceAll(/<[^>]+>/gu, " ").replaceAll(/\s+/gu, " "))
    if (status !== 200) break
  }
  await client.close()
}

/** The suite's identity provider has no page to sign in at: what a sign-in there would have left is put into the vault. */
const signedInBefore = (issuer: string) => (directory: string) => {
  const idToken = told["idp_id_token"]
  if (idToken === undefined) return Promise.resolve()
  mkdirSync(join(directory, "data"))
  const { exp = 0, iss = "" } = decodeJwt(idToken)
  const identity = { issuer: iss, subject: USER, clientId: undefined, scopes: [], expires: exp, claims: {} }
  const kept = keepSignIn({ issuer, subject: USER, claims: {} }, { identity, idToken: Redacted.make(idToken), refreshToken: undefined })
  const vault = vaultAt(storeFile(join(directory, "data")), heldKey({ bytes: keyOf(KEY) }))
  return Effect.runPromise(Effect.scoped(Effect.flatMap(vault, (context) => Effect.provideContext(kept, context))))
}

const whole = Effect.gen(function*() {
  const signIn = yield* authorizationServer({ more: { clients: [home] } })
  const issuer = yield* Effect.promise(namedIssuer)
  const manifestWith = (at: string | undefined) => ({
    master_oauth: { provider: "oidc", issuer: signIn.issuer, client_id: home.client_id, client_secret: home.client_secret },
    servers: [serverFor(at)]
  })
  const gate = yield* gateway(manifestWith(issuer), {
    args: ["--log-level", "debug"],
    environment: keyIn(KEY),
    prepare: signedInBefore(signIn.issuer)
  })
  const { access_token } = yield* signIn.forUser(USER, { audience: gate.url })
  yield* Effect.promise(() => useAs(gate, access_token, (moved) => gate.rewrite(manifestWith(moved))))
  console.log(gate.stderr())
})

await Effect.runPromise(Effect.scoped(whole))
process.exit(0)
