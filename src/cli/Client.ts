/**
 * An MCP client of either era, on the official SDK, which is loaded when it is
 * needed: `serve` does not pay for it. The only file that imports the SDK.
 */
import type { CallToolResult, Tool } from "@modelcontextprotocol/client"
import { Effect, Schema, type Scope } from "effect"
import { VERSION } from "../lib/Version.ts"
import { credential, NoGateway, reasonOf } from "./Running.ts"

export type { CallToolResult, Tool }

/** The gateway answered with an error, or not in time. */
export class CallFailed extends Schema.TaggedError<CallFailed>()("CallFailed", { why: Schema.String }) {
  override get message() {
    return this.why
  }
}

export interface Call {
  readonly name: string
  readonly given: Record<string, unknown>
  /** Milliseconds without an answer or progress. */
  readonly timeout: number
  readonly progress: (said: { readonly progress: number; readonly total?: number | undefined; readonly message?: string | undefined }) => void
}

export interface Client {
  readonly tools: Effect.Effect<ReadonlyArray<Tool>, CallFailed>
  readonly call: (call: Call) => Effect.Effect<CallToolResult, CallFailed>
}

/** Connected in the newest era that the endpoint speaks; closed with the scope. */
export const connect = Effect.fnUntraced(function*(endpoint: string): Effect.fn.Return<Client, NoGateway, Scope.Scope> {
  const { Client, StreamableHTTPClientTransport } = yield* Effect.promise(() => import("@modelcontextprotocol/client"))
  const headers = yield* credential
  const unreachable = (cause: unknown) => {
    const why = reasonOf(cause)
    return why.includes("HTTP 401")
      ? new NoGateway({ url: endpoint, why: "put a token or an API key into MANIFOLD_TOKEN", isRefusal: true })
      : new NoGateway({ url: endpoint, why })
  }
  const client = yield* Effect.acquireRelease(
    Effect.tryPromise({
      try: async (signal) => {
        const client = new Client({ name: "manifold", version: VERSION }, { versionNegotiation: { mode: "auto" } })
        await client.connect(new StreamableHTTPClientTransport(new URL(endpoint), { requestInit: { headers } }), { signal, timeout: 15_000 })
        return client
      },
      catch: unreachable
    }),
    (client) => Effect.promise(() => client.close().catch(() => undefined))
  )
  const failed = (cause: unknown) => new CallFailed({ why: sayFailure(cause) })
  return {
    tools: Effect.tryPromise({ try: async (signal) => (await client.listTools(undefined, { signal })).tools, catch: failed }),
    call: ({ given, name, progress, timeout }) =>
      Effect.tryPromise({
        try: (signal) =>
          client.callTool({ name, arguments: given }, { signal, timeout, resetTimeoutOnProgress: true, onprogress: progress }),
        catch: failed
      })
  }
})

const sayFailure = (cause: unknown): string => {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined
  if (code === "REQUEST_TIMEOUT") return "There was no answer in time; --timeout gives it longer"
  const message = reasonOf(cause)
  return typeof code === "number" ? `${message} (error ${code})` : message
}
