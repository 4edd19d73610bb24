/**
 * Finds out which era a backend speaks and introduces the gateway to it. Modern is
 * asked first; an authorization error, a server error or silence over HTTP is no
 * evidence of an era (basic/versioning, "Backward Compatibility").
 */
import { Effect, Option, Schema } from "effect"
import type { Answer, Connection } from "./Connection.ts"
import { VERSION } from "../lib/Version.ts"
import { BackendFailed, backendFailed } from "./BackendFailed.ts"
import { type Call, type Era, LEGACY_VERSION, LEGACY_VERSIONS, MODERN_VERSION } from "./Era.ts"

const JsonObject = Schema.Record(Schema.String, Schema.Unknown)

/** What a backend said of itself. */
export interface Handshake {
  readonly era: Era
  readonly version: string
  readonly capabilities: Readonly<Record<string, unknown>>
  readonly name: string
  readonly instructions: string | undefined
}

/** The gateway as a client of backends. */
export const CLIENT_INFO = JSON.stringify({ name: "manifold", title: "Manifold MCP gateway", version: VERSION })

/** What the gateway says it knows when it reads what a server offers: one that looks for MCP Apps first would keep its pages back. */
export const OWN_CAPABILITIES = JSON.stringify({
  extensions: { "io.modelcontextprotocol/ui": { mimeTypes: ["text/html;profile=mcp-app"] } }
})

const Discovered = Schema.fromJsonString(Schema.Struct({
  supportedVersions: Schema.Array(Schema.String),
  capabilities: JsonObject,
  instructions: Schema.optionalKey(Schema.String)
}))

const Initialized = Schema.fromJsonString(Schema.Struct({
  protocolVersion: Schema.String,
  capabilities: JsonObject,
  serverInfo: Schema.optionalKey(Schema.Struct({ name: Schema.String })),
  instructions: Schema.optionalKey(Schema.String)
}))

/** A request of the gateway's own, without a listener. */
export const ownCall = (method: string, params: string, name?: string): Call => ({
  method,
  params,
  meta: "",
  isOwn: true,
  envelope: { capabilities: OWN_CAPABILITIES, client: CLIENT_INFO },
  headers: {},
  ...(name === undefined ? {} : { name })
})

/** Sends a request of the gateway's own and waits for the answer, whatever it is; interruption cancels it. */
export const exchange = (connection: Connection, call: Call): Effect.Effect<Answer> =>
  Effect.callback((resume) => {
    const cancel = connection.call(call, {
      notify: () => {},
      log: () => {},
      done: (answer) => resume(Effect.succeed(answer))
    })
    return Effect.sync(cancel)
  })

/** `undefined` says: not modern, go on with `initialize`. */
export const discover = Effect.fnUntraced(function*(
  backend: string,
  connection: Connection
): Effect.fn.Return<Handshake | undefined, BackendFailed> {
  connection.era = "modern"
  const first = yield* exchange(connection, ownCall("server/discover", ""))
  const said = isRefusedVersion(first) ? yield* exchange(connection, ownCall("server/discover", "")) : first
  if (said.kind === "failed") return yield* noEvidence(backend, said.failure.status, said)
  if (said.kind === "error") return undefined
  const found = Schema.decodeUnknownOption(Discovered)(said.result.toString("utf8"))
  if (Option.isNone(found) || !found.value.supportedVersions.includes(MODERN_VERSION)) return undefined
  return {
    era: "modern",
    version: MODERN_VERSION,
    capabilities: found.value.capabilities,
    name: backend,
    instructions: found.value.instructions
  }
})

/** A modern server that refuses a version it lists itself is asked once more (basic/versioning). */
const isRefusedVersion = (answer: Answer): boolean =>
  answer.kind === "error" && answer.error.code === UNSUPPORTED_VERSION && answer.error.raw.includes(JSON.stringify(MODERN_VERSION))

const UNSUPPORTED_VERSION = -32022

/** The legacy handshake (2025-11-25, basic/lifecycle). */
export const initialize = Effect.fnUntraced(function*(
  backend: string,
  connection: Connection,
  capabilities: string,
  patience: number
): Effect.fn.Return<Handshake, BackendFailed> {
  connection.era = "legacy"
  const params = `"protocolVersion":"${LEGACY_VERSION}","capabilities":${capabilities},"clientInfo":${CLIENT_INFO}`
  const answer = yield* exchange(connection, ownCall("initialize", params)).pipe(
    Effect.timeoutOrElse({
      duration: patience,
      orElse: () => failed(backend, "timed_out", `did not answer initialize within ${patience} ms`)
    })
  )
  if (answer.kind === "failed") return yield* backendFailed(backend, answer.failure)
  if (answer.kind === "error") return yield* failed(backend, "protocol", `refused initialize: error ${answer.error.code}`)
  const said = Schema.decodeUnknownOption(Initialized)(answer.result.toString("utf8"))
  if (Option.isNone(said)) return yield* failed(backend, "protocol", "answered initialize with something else")
  const { capabilities: offered, instructions, protocolVersion, serverInfo } = said.value
  if (!LEGACY_VERSIONS.includes(protocolVersion) && protocolVersion !== "2024-10-07") {
    return yield* failed(backend, "protocol", `speaks protocol version ${JSON.stringify(protocolVersion)} only`)
  }
  connection.transport?.agreed(protocolVersion)
  connection.notify("notifications/initialized", "")
  return { era: "legacy", version: protocolVersion, capabilities: offered, name: serverInfo?.name ?? backend, instructions }
})

/** How long, in milliseconds, the legacy handshake may take. */
export const HANDSHAKE = 120_000

/** Introduces the gateway the legacy way; what is then open. */
export const greet = (
  { backend, capabilities }: { readonly backend: string; readonly capabilities: string },
  connection: Connection
): Effect.Effect<{ readonly connection: Connection; readonly handshake: Handshake }, BackendFailed> =>
  Effect.map(initialize(backend, connection, capabilities, HANDSHAKE), (handshake) => ({ connection, handshake }))

const failed = (backend: string, reason: BackendFailed["reason"], detail: string) =>
  Effect.fail(new BackendFailed({ backend, reason, detail }))

/** A 4xx that is not about authorization, or a process that ended, points to a legacy server; the rest to trouble. */
const noEvidence = (backend: string, status: number | undefined, answer: Answer & { readonly kind: "failed" }) => {
  const { kind } = answer.failure
  const isLegacy = status === undefined
    ? kind === "closed" || kind === "stream_ended"
    : status >= 300 && status < 500 && status !== 401 && status !== 403 && status !== 429
  return isLegacy ? Effect.succeed(undefined) : Effect.fail(backendFailed(backend, answer.failure))
}
