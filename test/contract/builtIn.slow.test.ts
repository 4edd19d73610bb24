/** The contract suites on everything that comes with Manifold. */
import { Effect } from "effect"
import { authorizationServer } from "../kit/authorizationServer.ts"
import { userBrowser } from "../kit/browser.ts"
import { RETURN_ADDRESS } from "../kit/ownRows.ts"
import { temporaryHost } from "../kit/pluginHost.ts"
import { authContract } from "./auth.ts"
import { loaderContract } from "./loader.ts"
import { providerContract } from "./provider.ts"

loaderContract({
  name: "npm",
  host: temporaryHost,
  good: { package: "@modelcontextprotocol/server-memory", version: "2026.8.31" },
  bad: [
    { config: {}, at: "package" },
    { config: { package: "left-pad", version: "" }, at: "version" },
    { config: { package: "left-pad", version: "git+https://evil" }, at: "version" },
    { config: { package: "left-pad", version: "--registry=http://evil" }, at: "version" },
    { config: { package: "--global", version: "1.0.0" }, at: "package" },
    { config: { package: "../../etc", version: "1.0.0" }, at: "package" },
    { config: { package: "file:///etc", version: "1.0.0" }, at: "package" },
    { config: { package: "left-pad", version: "1.0.0", registry: "http://evil.example.com" }, at: "registry" },
    { config: { package: "left-pad", version: "1.0.0", registry: "https://me:word@npm.example.com" }, at: "registry" },
    { config: { package: "left-pad", version: "1.0.0", allow_scripts: ["--foreground-scripts"] }, at: "allow_scripts.0" },
    { config: { package: "left-pad", version: "1.0.0", versoin: "2.0.0" }, at: "versoin" }
  ]
})

loaderContract({
  name: "local",
  host: temporaryHost,
  good: { command: "node" },
  bad: [
    { config: {}, at: "" },
    { config: { path: "" }, at: "path" },
    { config: { path: "./a", watch: true }, at: "watch" },
    { config: { path: "./a", install: "yes" }, at: "install" },
    { config: { command: "node", install: true }, at: "install" },
    { config: { command: "node", pin: true }, at: "pin" },
    { config: { path: "./a", install: true, build: "npm run build" }, at: "build" },
    { config: { path: "./a", registry: "https://npm.example.com" }, at: "registry" },
    { config: { path: "./a", build: ["npm", "run", "build"] }, at: "build" }
  ]
})

loaderContract({
  name: "remote",
  host: temporaryHost,
  good: { url: "https://mcp.example.com/mcp" },
  bad: [
    { config: {}, at: "url" },
    { config: { url: "mcp.example.com" }, at: "url" },
    { config: { url: "http://mcp.example.com/mcp" }, at: "url" },
    { config: { url: "file:///etc/passwd" }, at: "url" },
    { config: { url: "ws://mcp.example.com/mcp" }, at: "url" },
    { config: { url: "wss://mcp.example.com/mcp", transport: "sse" }, at: "transport" },
    { config: { url: "https://me:word@mcp.example.com/mcp" }, at: "url" },
    { config: { url: "https://mcp.example.com/mcp", transport: "websocket" }, at: "transport" }
  ]
})

authContract({ name: "bypass_auth", host: temporaryHost, good: {}, bad: [{ config: { header: "x" }, at: "header" }] })

const issuer = "https://id.example.com"
const client = { client_id: "gate", client_secret: "gate-secret" }

for (const name of ["delegate_oauth", "proxy_oauth"]) {
  authContract({
    name,
    host: temporaryHost,
    good: { issuer, ...client },
    bad: [
      { config: { issuer }, at: "client_id" },
      { config: { issuer, ...client, registration: "dynamic" }, at: "client_id" },
      { config: { issuer: "http://id.example.com", ...client }, at: "issuer" },
      { config: { issuer, ...client, scope: "read" }, at: "scope" }
    ],
    away: Effect.map(
      authorizationServer({ more: { clients: [{ ...client, application_type: "native", redirect_uris: [RETURN_ADDRESS], grant_types: ["authorization_code", "refresh_token"] }] } }),
      (server) => ({
        config: { issuer: server.issuer, ...client, scopes: ["read", "offline_access"] },
        resource: "http://127.0.0.1:18997/mcp",
        codeAt: async (url: string, user: string) => new URL((await userBrowser(user).open(url, RETURN_ADDRESS)).url).searchParams.get("code") ?? ""
      })
    )
  })
}

providerContract({
  name: "oidc",
  host: temporaryHost,
  good: { issuer: "http://127.0.0.1:9" },
  bad: [
    { config: {}, at: "issuer" },
    { config: { issuer: "id.example.com" }, at: "issuer" },
    { config: { issuer: "http://id.example.com" }, at: "issuer" },
    { config: { issuer: "https://me:word@id.example.com" }, at: "issuer" },
    { config: { issuer: "https://id.example.com/?tenant=1" }, at: "issuer" },
    { config: { issuer: "https://id.example.com/#tenant" }, at: "issuer" },
    { config: { issuer, token_types: [] }, at: "token_types" },
    { config: { issuer, longest_life: 3600 }, at: "longest_life" },
    { config: { issuer, clock_skew: "6 minutes" }, at: "clock_skew" },
    { config: { issuer, introspection: { client_id: "rs" } }, at: "introspection.client_secret" },
    { config: { issuer, client_secret: "" }, at: "client_secret" },
    { config: { issuer, client_secret: "s" }, at: "client_id" },
    { config: { issuer, jwks_uri: "http://keys.example.com" }, at: "jwks_uri" },
    { config: { issuer, isuer: issuer }, at: "isuer" }
  ]
})

providerContract({
  name: "github",
  host: temporaryHost,
  good: { client_id: "app", client_secret: "hunter2", issuer: "http://127.0.0.1:9/login/oauth" },
  bad: [
    { config: { client_id: "app" }, at: "client_secret" },
    { config: { client_secret: "hunter2" }, at: "client_id" },
    { config: { client_id: "app", client_secret: "hunter2", api_url: "http://api.example.com" }, at: "api_url" },
    { config: { client_id: "app", client_secret: "hunter2", scopes: [] }, at: "scopes" }
  ]
})

providerContract({
  name: "gateway",
  host: temporaryHost,
  good: {},
  bad: [{ config: { issuer }, at: "issuer" }]
})

providerContract({
  name: "google",
  host: temporaryHost,
  good: { client_id: "client", issuer: "http://127.0.0.1:9", tokeninfo_uri: "http://127.0.0.1:9/tokeninfo" },
  bad: [
    { config: {}, at: "client_id" },
    { config: { client_id: "client", issuer: "accounts.google.com" }, at: "issuer" },
    { config: { client_id: "client", tokeninfo_uri: "http://oauth2.googleapis.com/tokeninfo" }, at: "tokeninfo_uri" },
    { config: { client_id: "client", clock_skew: "1 hour" }, at: "clock_skew" }
  ]
})
