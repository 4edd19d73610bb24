/** A small HTTP server on loopback that a test can take down, bring back at the same address and look into. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Effect, type Scope } from "effect"

export type Handler = (request: IncomingMessage, response: ServerResponse) => void

export interface Loopback {
  readonly origin: string
  /** `GET /path`, in the order they came. */
  readonly requests: ReadonlyArray<string>
  /** With their queries. */
  readonly addresses: ReadonlyArray<string>
  readonly count: (request: string) => number
  readonly down: Effect.Effect<void>
  readonly comeBack: Effect.Effect<void>
}

export const loopback = (handlerFor: (origin: string) => Handler | Promise<Handler>): Effect.Effect<Loopback, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(Effect.promise(() => started(handlerFor)), ({ close }) => Effect.promise(close)),
    ({ server }) => server
  )

const started = async (handlerFor: (origin: string) => Handler | Promise<Handler>) => {
  const requests: Array<string> = []
  const addresses: Array<string> = []
  let handler: Handler = (_, response) => void response.writeHead(503).end()
  const handle: Handler = (request, response) => {
    addresses.push(request.url ?? "")
    requests.push(`${request.method} ${request.url?.split("?", 1)[0]}`)
    handler(request, response)
  }
  let server = await listening(handle, 0)
  const { port } = server.address() as AddressInfo
  const origin = `http://127.0.0.1:${port}`
  handler = await handlerFor(origin)
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  const comeBack = async () => {
    server = await listening(handle, port)
  }
  return {
    close,
    server: {
      origin,
      requests,
      addresses,
      count: (wanted: string) => requests.filter((each) => each === wanted).length,
      down: Effect.promise(close),
      comeBack: Effect.promise(comeBack)
    }
  }
}

const listening = (handle: Handler, port: number) =>
  new Promise<Server>((resolve, reject) => {
    const server = createServer(handle)
    server.once("error", reject)
    server.listen(port, "127.0.0.1", () => resolve(server))
  })

export const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** Answers a request of revision 2026-07-28; no result stands for a method that there is not. */
export const sendResult = (response: ServerResponse, id: unknown, result: object | undefined) =>
  result === undefined
    ? sendJson(response, 404, { jsonrpc: "2.0", id, error: { code: -32601, message: "Method not found" } })
    : sendJson(response, 200, { jsonrpc: "2.0", id, result: { ...result, resultType: "complete" } })

export const sendJson = (response: ServerResponse, status: number, body: unknown) =>
  void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
