/**
 * A whole MCP server without dependencies: one tool, over standard input and
 * output, one JSON-RPC message per line. Standard output is for messages only,
 * so anything meant for people goes to standard error.
 */
import { createInterface } from "node:readline"

const greeting = process.env.GREETING ?? "Hello"
const verbose = process.argv.includes("--verbose")

const greet = {
  name: "greet",
  description: "Greets someone by name",
  inputSchema: { type: "object", properties: { name: { type: "string", description: "Who is greeted" } }, required: ["name"] }
}

const answers = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion: ["2024-11-05", "2025-03-26", "2025-06-18"].includes(protocolVersion) ? protocolVersion : "2025-06-18",
    capabilities: { tools: {} },
    serverInfo: { name: "hello", version: "1.0.0" }
  }),
  ping: () => ({}),
  "tools/list": () => ({ tools: [greet] }),
  "tools/call": ({ arguments: given, name }) => {
    if (name !== greet.name) throw { code: -32602, message: `Unknown tool: ${name}` }
    const who = given?.name
    if (typeof who !== "string") return { isError: true, content: [{ type: "text", text: "name has to be text" }] }
    return { content: [{ type: "text", text: `${greeting}, ${who}!` }] }
  }
}

const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`)

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params = {} } = JSON.parse(line)
  if (verbose) console.error(`<- ${method}`)
  if (id === undefined) continue
  try {
    const answer = answers[method]
    if (answer === undefined) throw { code: -32601, message: `Unknown method: ${method}` }
    send({ id, result: answer(params) })
  } catch ({ code = -32603, message }) {
    send({ id, error: { code, message } })
  }
}
