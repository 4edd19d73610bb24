/** A server of test/fixtures/servers behind each way out of a gateway, and what that server was sent. */
import { existsSync, readFileSync, rmSync } from "node:fs"
import { join, resolve } from "node:path"
import { Effect, type Scope } from "effect"
import { fixtureGateway, whenReady } from "./fixtures.ts"
import { gateway, temporaryDirectory } from "./gateway.ts"
import { start } from "./process.ts"

const FOLDER = resolve(import.meta.dirname, "../fixtures/servers")

export type Leaf = "legacy" | "modern" | "watched"

export interface WayOut {
  readonly name: string
  /** Whether what comes through is what was written, byte for byte. */
  readonly isExact: boolean
  /** The era in which the gateway speaks to what is next to it. */
  readonly era: "legacy" | "modern"
  /** The entry of a server that is reached this way; `record` is where it writes down what it reads. */
  readonly entry: (leaf: Leaf, record: string) => Effect.Effect<object, never, Scope.Scope>
}

const remote = (url: string, transport: string) => ({ type: "remote", url, transport })

const stdio: WayOut = {
  name: "stdio",
  isExact: true,
  era: "legacy",
  entry: (leaf, record) =>
    Effect.succeed({ type: "local", command: process.execPath, config: { args: [join(FOLDER, `${leaf}.mjs`)], environment: { RECORD: record } } })
}

/** Another gateway, with that server alone. */
const behindGateway = (name: string, era: WayOut["era"], address: (base: string) => object): WayOut => ({
  name: `${name} of another gateway`,
  isExact: true,
  era,
  entry: (leaf, record) =>
    Effect.map(
      fixtureGateway([{ id: "leaf", entry: { config: { args: [join(FOLDER, `${leaf}.mjs`)], environment: { RECORD: record } } } }], {
        args: ["aggregation.prefix=never", "hosting.transports.sse=true", "hosting.transports.websocket=true"].flatMap((given) => ["--set", given])
      }),
      ({ base }) => address(base)
    )
})

/** The process of test/fixtures/servers/bridge.mjs. */
export const startBridge = (way: "sse" | "websocket", port: number, leaf: Leaf, record: string) =>
  start({
    command: ["node", join(FOLDER, "bridge.mjs"), way, String(port), join(FOLDER, `${leaf}.mjs`)],
    listening: /^(http:\/\/\S+)\n/u,
    environment: { RECORD: record }
  })

const bridged = (name: string, way: "sse" | "websocket"): WayOut => ({
  name,
  isExact: way === "websocket",
  era: "legacy",
  entry: (leaf, record) =>
    Effect.acquireRelease(Effect.promise(() => startBridge(way, 0, leaf, record)), ({ stop }) => Effect.promise(stop)).pipe(
      Effect.map(({ url }) => remote(way === "sse" ? url : url.replace("http", "ws"), way))
    )
})

export const waysOut: ReadonlyArray<WayOut> = [
  stdio,
  behindGateway("Streamable HTTP", "modern", (base) => remote(`${base}/mcp`, "streamable_http")),
  bridged("HTTP+SSE", "sse"),
  bridged("WebSocket", "websocket"),
  behindGateway("WebSocket", "modern", (base) => remote(`${base.replace("http", "ws")}/ws`, "auto"))
]

/** Whose library, unlike that of the official server, keeps every byte. */
export const sseOfGateway = behindGateway("HTTP+SSE", "legacy", (base) => remote(`${base}/sse`, "sse"))

/** A gateway with the one server `far`, which it reaches this way. */
export const gatewayWith = Effect.fnUntraced(function*(way: WayOut, leaf: Leaf, set: ReadonlyArray<string> = []) {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => temporaryDirectory("record-")),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )
  const record = join(folder, "read.jsonl")
  const started = yield* gateway({ servers: [{ id: "far", auth_strategy: "bypass_auth", ...yield* way.entry(leaf, record) }] }, {
    args: set.flatMap((given) => ["--set", given])
  })
  const base = new URL(started.url).origin
  yield* whenReady(base, ["far"])
  return { ...started, base, received: (): ReadonlyArray<string> => existsSync(record) ? readFileSync(record, "utf8").split("\n").slice(0, -1) : [] }
})
