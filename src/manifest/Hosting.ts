/** `hosting:` of the manifest: where the gateway listens and where it keeps things. */
import { Schema } from "effect"
import { isLoopback } from "../lib/Loopback.ts"
import { about, DurationText, fallback, HttpPath, HttpUrl, ListenPort, required, rule, Text, Texts } from "./Fields.ts"

const BaseUrl = HttpUrl.check(rule<string>((url) =>
  url.startsWith("https:") || !URL.canParse(url) || isLoopback(new URL(url).hostname) ||
  "has to begin with https:// where it is not loopback"
))

const Http = Schema.Struct({
  path: fallback(HttpPath, "The endpoint that serves all servers", "/mcp")
})

export const SSE_PATH = "/sse"
export const WEBSOCKET_PATH = "/ws"

/** A way in that is off by default: `true` serves it at its usual path, a map at another. */
const way = (description: string, path: string) =>
  fallback(
    Schema.Union([Schema.Boolean, Schema.Struct({ path: fallback(HttpPath, "Where it is served", path) })]),
    description,
    false
  )

/** Where a way in is served; `undefined` when it is off. */
export const pathIn = (way: boolean | { readonly path: string }, usual: string): string | undefined => {
  if (way === false) return undefined
  return way === true ? usual : way.path
}

/** The endpoint of one server alone. */
export const serverPath = (id: string): string => `/servers/${id}/mcp`

/** Where a client of HTTP+SSE posts to. */
export const messagesPath = (path: string): string => `${path === "/" ? "" : path}/messages`

const Transports = Schema.Struct({
  http: fallback(Http, "Streamable HTTP, which every current client speaks", {}),
  sse: way("The old HTTP+SSE transport as well, for clients that know nothing newer: true, or its path", SSE_PATH),
  websocket: way("MCP over WebSocket as well, an extension of the gateway: true, or its path", WEBSOCKET_PATH),
  stdio: fallback(Schema.Boolean, "Serve one client on standard input and output as well", false)
}).check(rule(({ http, sse, websocket }) => {
  const ssePath = pathIn(sse, SSE_PATH)
  const taken = [http.path, ssePath, ssePath && messagesPath(ssePath), pathIn(websocket, WEBSOCKET_PATH)].filter((path) => path !== undefined)
  return new Set(taken).size === taken.length || "have to be at different paths"
}))

const Vault = Schema.Struct({
  key_file: Schema.optionalKey(about(Text, "File with the vault's key: 32 random bytes in base64")),
  command: Schema.optionalKey(about(
    Schema.NonEmptyArray(Text),
    "Program and arguments that print the key in base64, such as a key management service's; run without a shell, 20 seconds at most"
  )),
  keyring: Schema.optionalKey(about(Schema.Boolean, "Take the key from the keyring of the operating system"))
})

const Tls = Schema.Struct({
  certificate: required(Text, "File with the certificate chain in PEM", "a file"),
  key: required(Text, "File with its private key in PEM", "a file"),
  client_ca: Schema.optionalKey(about(
    Text,
    "File with the certificate authorities, in PEM, whose client certificates let machines in (mutual TLS), beside tokens and keys"
  ))
})

export const Hosting = Schema.Struct({
  host: fallback(Text, "Address to listen on; another than loopback only with sign-in (master_oauth or api_keys)", "127.0.0.1"),
  port: fallback(ListenPort, "Port to listen on; 0 takes a free one, and PORT in the environment wins", 8080),
  base_url: Schema.optionalKey(
    about(BaseUrl, "The address clients use, where it differs from host and port (a proxy in front)")
  ),
  tls: Schema.optionalKey(about(Tls, "Listen on https itself; without it a proxy in front does, or nobody")),
  transports: fallback(Transports, "The ways in", {}),
  data_directory: fallback(Text, "Folder for the cache and state; relative to the manifest", ".manifold"),
  drain: fallback(
    DurationText,
    "How long calls in flight may take to finish when a server is replaced or the gateway stops",
    "30 seconds"
  ),
  allowed_hosts: fallback(Texts, "Further names that may stand in the Host header of a request", []),
  allowed_origins: fallback(Texts, "Further web origins whose pages may call the gateway", []),
  vault: Schema.optionalKey(about(
    Vault,
    "Where the key of the vault comes from: the first of MANIFOLD_VAULT_KEY in the environment and these; else a random one in the data directory"
  ))
})
