/**
 * `node scripts/conformance/caller.ts URL`: the client that the suite starts to judge what the gateway sends to a
 * server. It puts a gateway in front of the suite's server and, as the official client, uses all that it offers.
 */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { rmSync } from "node:fs"
import { serving } from "../../test/kit/calls.ts"
import { startGateway } from "../../test/kit/gateway.ts"

/** What the suite wants a tool to be called with; some scenarios say it. */
const wanted: ReadonlyArray<{ readonly name: string; readonly arguments: Record<string, unknown> }> =
  JSON.parse(process.env["MCP_CONFORMANCE_CONTEXT"] ?? "{}").toolCalls ?? []

const valueOf = (property: unknown) => {
  const { type } = Object(property)
  return type === "number" || type === "integer" ? 2 : type === "boolean" ? true : "text"
}

const argumentsOf = (name: string, properties: object): Record<string, unknown> =>
  wanted.find((call) => call.name === name)?.arguments ??
    Object.fromEntries(Object.entries(properties).map(([key, property]) => [key, valueOf(property)]))

/** A refused call is the suite's to judge. */
const attempt = async (what: string, made: Promise<unknown>) => {
  console.log(what, await made.then(JSON.stringify, String))
}

const useAll = async (url: string) => {
  const client = new Client({ name: "caller", version: "1.0.0" }, {
    versionNegotiation: { mode: { pin: "2026-07-28" } },
    capabilities: { elicitation: {} }
  })
  client.setRequestHandler("elicitation/create", () => ({ action: "accept", content: { confirmed: true } }))
  await client.connect(new StreamableHTTPClientTransport(new URL(url)))
  for (const { inputSchema, name } of (await client.listTools()).tools) {
    await attempt(name, client.callTool({ name, arguments: argumentsOf(name, inputSchema.properties ?? {}) }))
  }
  for (const { uri } of (await client.listResources()).resources) await attempt(uri, client.readResource({ uri }))
  for (const { name } of (await client.listPrompts()).prompts) await attempt(name, client.getPrompt({ name }))
  await client.close()
}

const gateway = await startGateway({
  aggregation: { prefix: "never" },
  servers: [{ id: "suite", type: "remote", url: process.argv[2], auth_strategy: "bypass_auth" }]
})
try {
  await serving(gateway.url, "suite")
  await useAll(gateway.url)
} finally {
  await gateway.stop()
  rmSync(gateway.directory, { recursive: true, force: true })
}
