/** The manifest of DESIGN.md with every key it names: whatever is not built is refused by name, nothing is unknown. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mistakesOf } from "../kit/manifest.ts"

const text = `
version: 1
hosting:
  host: 127.0.0.1
  port: 8080
  base_url: http://127.0.0.1:8080
  transports: { http: { path: /mcp }, sse: false, websocket: false, stdio: false }
  data_directory: .manifold
  drain: 30 seconds
  allowed_hosts: [gw.example.com]
  allowed_origins: [https://gw.example.com]
  vault: { key_file: ./key }
master_oauth:
  provider: oidc
  issuer: https://id.example.com
  audience: https://gw.example.com/mcp
  required_scopes: [mcp]
  client_id: gw
  client_secret: "\${env:S:-s}"
  introspection: { client_id: gw, client_secret: s }
  token_types: [at+jwt]
  longest_life: 1 hour
  clock_skew: 60 seconds
authorization_server:
  registration: off
  clients: [{ client_id: desk, client_name: Desk, redirect_uris: ["http://127.0.0.1/callback"] }]
  upstream: { provider: oidc, issuer: https://id.example.com, client_id: a, client_secret: b }
api_keys: true
oauth_delegation: { callback_path: /oauth/callback }
aggregation: { prefix: always, separator: "__", max_name_length: 64 }
routing:
  timeout: 60 seconds
  retry: { attempts: 3, budget: 20% }
  breaker: { failures: 5, open: 10 seconds }
  balance: round_robin
  health: { interval: 30 seconds, timeout: 10 seconds, failures: 3 }
guard: { hidden_text: allow }
servers:
  - id: files
    type: npm
    package: "@modelcontextprotocol/server-filesystem"
    version: 2026.8.31
    auth_strategy: bypass_auth
    config: { args: [./data], environment: { LOG_LEVEL: info }, port: 3000, path: /mcp, headers: { X-Key: k }, working_directory: ./w }
    prefix: own_
    required: true
    sandbox: { mode: process, network: true, folders: ["./data:rw"] }
    limits: { memory: 512 MiB, cpu: 1, processes: 256 }
    minimum_release_age: 7 days
    provenance: recorded
    idle_stop: 5 minutes
    replicas: 2
    health: { interval: 1 minute }
    balance: least_latency
    timeout: 5 seconds
  - id: issues
    type: remote
    url: https://mcp.example.com/mcp
    auth_strategy: delegate_oauth
    auth_config: { issuer: https://auth.example.com, client_id: a, client_secret: b, scopes: [read] }
    sharing: per_principal
  - { id: code, type: git, url: https://git.example.com/team/server.git, branch: main, subdirectory: packages/a, auth_strategy: proxy_oauth }
  - { id: wheel, type: pypi, package: name, version: 1.2.3, auth_strategy: bypass_auth }
  - { id: box, type: docker, image: "name@sha256:abc", auth_strategy: bypass_auth }
  - { id: listed, type: registry, name: io.github.owner/name, auth_strategy: bypass_auth }
plugins:
  - use: ./plugins/s3-loader.mjs
`

const later = ["routing.retry", "routing.breaker"]

describe("the manifest of the design", () => {
  it.effect("is understood whole: each key is taken or refused as not supported yet, none is unknown", () =>
    Effect.gen(function*() {
      const said = yield* mistakesOf([text])
      assert.deepStrictEqual(said.filter((line) => !line.endsWith("is not supported yet")), [])
      assert.deepStrictEqual(said.map((line) => line.split(": ")[1]).sort(), [...later].sort())
    }).pipe(Effect.provide(NodeServices.layer)))
})
