/** A remote server inside the test itself, which can turn bad and forget its sessions. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Effect } from "effect"

/** How it answers: as it should, or in one of the ways in which a server is broken. */
export type Mood = "well" | "unauthorized" | "failing" | "html" | "nonsense" | "silent"

const INITIALIZED = { protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo: { name: "moody", version: "1" } }

const moods: Readonly<Record<Exclude<Mood, "well">, (response: ServerResponse) => void>> = {
  unauthorized: (response) => response.writeHead(401, { "www-authenticate": "Bearer realm=\"x\"" }).end("secret-of-the-backend"),
  failing: (response) => response.writeHead(500).end("secret-of-the-backend"),
  html: (response) => response.writeHead(200, { "content-type": "text/html" }).end("<h1>secret-of-the-backend</h1>"),
  nonsense: (response) => response.writeHead(200, { "content-type": "application/json" }).end(`{"secret-of-the-backend":1}`),
  silent: () => {}
}

/** A legacy server with sessions and one tool, `session`, which gives the number of its caller's session. */
export const moodyBackend = (first: Mood) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      let mood = first
      let last = 0
      const sessions = new Set<string>()
      const asked: Array<{ readonly method: string; readonly headers: IncomingHttpHeaders }> = []
      const http = createServer(async (request, response) => {
        let body = ""
        for await (const chunk of request) body += String(chunk)
        const { id, method = "" } = JSON.parse(body === "" ? "{}" : body)
        asked.push({ method, headers: request.headers })
        if (mood !== "well") return moods[mood](response)
        const answer = (status: number, message?: object, headers = {}) => {
          response.writeHead(status, { "content-type": "application/json", ...headers })
          response.end(message === undefined ? "" : JSON.stringify({ jsonrpc: "2.0", id, ...message }))
        }
        if (method === "server/discover") return answer(400, { error: { code: -32601, message: "no" } })
        if (method === "initialize") {
          sessions.add(String(++last))
          return answer(200, { result: INITIALIZED }, { "mcp-session-id": String(last) })
        }
        const session = String(request.headers["mcp-session-id"])
        if (!sessions.has(session)) return answer(404)
        if (request.method === "GET") return answer(405)
        if (method === "tools/list") return answer(200, { result: { tools: [{ name: "session", inputSchema: { type: "object" } }] } })
        if (method === "tools/call") return answer(200, { result: { content: [{ type: "text", text: session }] } })
        answer(202)
      })
      await new Promise<void>((listening) => http.listen(0, "127.0.0.1", listening))
      const { port } = http.address() as AddressInfo
      return {
        http,
        url: `http://127.0.0.1:${port}/mcp`,
        become: (next: Mood) => {
          mood = next
        },
        /** Forgets one session, or all of them. */
        expire: (session?: string) => session === undefined ? sessions.clear() : sessions.delete(session),
        asked: (method: string) => asked.filter((one) => one.method === method),
        headers: (): ReadonlyArray<IncomingHttpHeaders> => asked.map(({ headers }) => headers)
      }
    }),
    ({ http }) => Effect.sync(() => http.close().closeAllConnections())
  )
