/** `node proxy.ts URL`: the plain node:http reverse proxy that the gateway is measured against. It looks at nothing. */
import { Agent, createServer, request as ask } from "node:http"

const target = new URL(process.argv[2] ?? "")
const agent = new Agent({ keepAlive: true, maxSockets: 256 })

const server = createServer((request, response) => {
  const { headers, method } = request
  const upstream = ask(target, { method, headers, agent }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(response)
  })
  upstream.on("error", () => response.destroy())
  request.pipe(upstream)
})
server.keepAliveTimeout = 600_000
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  if (typeof address === "object" && address !== null) console.log(`listening on http://127.0.0.1:${address.port}/mcp`)
})
