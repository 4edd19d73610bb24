/**
 * `node backend.ts http|stdio`: an MCP server of both eras that costs next to nothing, so that
 * what stands in front of it shows. It has one tool, `echo`.
 */
import { createServer } from "node:http"

interface Message {
  readonly id?: string | number
  readonly method: string
  readonly params?: {
    readonly protocolVersion?: string
    readonly arguments?: { readonly text: string }
    readonly _meta?: Readonly<Record<string, unknown>>
  }
}

const modern = "2026-07-28"
const serverInfo = { name: "bench", version: "1.0.0" }
const capabilities = { tools: {} }
const echo = {
  name: "echo",
  description: "Gives back what it is told",
  inputSchema: { type: "object", properties: { text: { type: "string" } }, required: ["text"] }
}

/** The result for a request, or `undefined` when the method is unknown. */
const resultOf = ({ method, params }: Message): object | undefined => {
  const isModern = params?._meta?.["io.modelcontextprotocol/protocolVersion"] !== undefined
  const complete = isModern
    ? { resultType: "complete", _meta: { "io.modelcontextprotocol/serverInfo": serverInfo } }
    : {}
  const cacheable = isModern ? { ttlMs: 0, cacheScope: "private" } : {}
  switch (method) {
    case "tools/call":
      return { content: [{ type: "text", text: params?.arguments?.text ?? "" }], ...complete }
    case "tools/list":
      return { tools: [echo], ...cacheable, ...complete }
    case "server/discover":
      return { supportedVersions: [modern], capabilities, ...cacheable, ...complete }
    case "initialize":
      return { protocolVersion: params?.protocolVersion, capabilities, serverInfo }
    case "ping":
      return {}
    default:
      return undefined
  }
}

/** The answer as text, or `undefined` for a notification. */
const answerTo = (text: string): string | undefined => {
  const message: Message = JSON.parse(text)
  if (message.id === undefined) return undefined
  const result = resultOf(message)
  const rest = result === undefined ? { error: { code: -32601, message: "Method not found" } } : { result }
  return JSON.stringify({ jsonrpc: "2.0", id: message.id, ...rest })
}

const serveHttp = () => {
  const server = createServer((request, response) => {
    if (request.method !== "POST") {
      response.writeHead(request.method === "DELETE" ? 200 : 405, { "content-length": 0 }).end()
      return
    }
    let body = ""
    request.setEncoding("utf8")
    request.on("data", (chunk: string) => (body += chunk))
    request.on("end", () => {
      const answer = answerTo(body)
      if (answer === undefined) {
        response.writeHead(202, { "content-length": 0 }).end()
        return
      }
      const session = body.includes("\"initialize\"") ? { "mcp-session-id": crypto.randomUUID() } : {}
      const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(answer), ...session }
      response.writeHead(200, headers).end(answer)
    })
  })
  server.keepAliveTimeout = 600_000
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    if (typeof address === "object" && address !== null) console.log(`listening on http://127.0.0.1:${address.port}/mcp`)
  })
}

const serveStdio = () => {
  let rest = ""
  process.stdin.setEncoding("utf8")
  process.stdin.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n")
    rest = lines.pop() ?? ""
    const answers = lines.filter((line) => line !== "").map(answerTo).filter((answer) => answer !== undefined)
    if (answers.length > 0) process.stdout.write(`${answers.join("\n")}\n`)
  })
}

if (process.argv[2] === "http") serveHttp()
else serveStdio()
