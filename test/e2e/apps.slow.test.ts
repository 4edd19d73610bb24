/** MCP Apps through the gateway: what a host needs to find, read and run the page of a tool comes as the server wrote it, and never another server's. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { resolve } from "node:path"
import { serving } from "../kit/calls.ts"
import { gateway } from "../kit/gateway.ts"
import { type Headers, post, session } from "../kit/wire.ts"

const PAGE = "ui://clock/page.html"
const META = `{"ui":{"resourceUri":"${PAGE}","visibility":["model","app"],"later":{"big":12345678901234567890}},"ui/resourceUri":"${PAGE}","com.example/x":1e400}`
const CSP = `"_meta":{"ui":{"csp":{"connectDomains":["https://api.example.com"],"unknown":[9007199254740993]},"prefersBorder":true}}`
/** With a member that no revision knows, in an order and a number of its own. */
const HOST = `{"sampling":{},"extensions":{"io.modelcontextprotocol/ui":{"mimeTypes":["text/html;profile=mcp-app"],"future":1.50}}}`

const app = (id: string, era: string, environment: object = { LISTED: "yes" }) => ({
  id,
  type: "local",
  path: resolve("test/fixtures/servers/app.mjs"),
  auth_strategy: "bypass_auth",
  config: { args: [`page of ${id}`], environment: { ERA: era, ...environment } }
})

const gatewayWith = (servers: ReadonlyArray<{ readonly id: string }>, more: object = {}) =>
  Effect.gen(function*() {
    const gate = yield* gateway({ servers, ...more })
    yield* Effect.promise(() => serving(gate.url, ...servers.map(({ id }) => id)))
    return gate.url
  })

/** How a host of each era asks: the whole answer as text. */
const hosts: Readonly<Record<string, (url: string) => Promise<(method: string, params?: string, headers?: Headers) => Promise<string>>>> = {
  legacy: async (url) => {
    const { send } = await session(url)
    return async (method, params = "") => (await send(`{"jsonrpc":"2.0","id":1,"method":"${method}","params":{${params}}}`)).text
  },
  modern: async (url) => async (method, params = "", headers = {}) => {
    const envelope = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":${HOST},"io.modelcontextprotocol/clientInfo":{"name":"host","version":"1"}}`
    const body = `{"jsonrpc":"2.0","id":1,"method":"${method}","params":{${params}${params === "" ? "" : ","}${envelope}}}`
    return (await post(url, body, { "mcp-protocol-version": "2026-07-28", "mcp-method": method, ...headers })).text
  }
}

const read = (uri: string) => ["resources/read", `"uri":"${uri}"`, { "mcp-name": uri }] as const
const calling = (name: string) => ["tools/call", `"name":"${name}","arguments":{}`, { "mcp-name": name }] as const

for (const [era, host] of Object.entries(hosts)) {
  for (const backend of ["legacy", "modern"]) {
    describe(`a ${era} host of a ${backend} server with a page`, () => {
      it.live("sees the _meta of the tool and of the page byte for byte, reads the page, and runs what the page calls by the listed name", () =>
        Effect.gen(function*() {
          const url = yield* gatewayWith([app("clock", backend)])
          const ask = yield* Effect.promise(() => host(url))
          const [tools, resources, page, shown] = yield* Effect.promise(async () => [
            await ask("tools/list"),
            await ask("resources/list"),
            await ask(...read(PAGE)),
            await ask(...calling("clock__show"))
          ])
          assert.strictEqual(yield* Effect.promise(() => ask(...calling("show"))), shown, "a page calls by the name that its server knows")
          assert.include(tools, `{"name":"clock__show","inputSchema":{"type":"object"},"_meta":${META}}`)
          assert.include(resources, `"mimeType":"text/html;profile=mcp-app",${CSP}}`)
          assert.include(page, `"text":"<p>page of clock</p>",${CSP}}]`)
          assert.include(shown, "page of clock")
        }).pipe(Effect.scoped))

      it.live("reads a page that its server does not list, and each server's own where two have the same address", () =>
        Effect.gen(function*() {
          const url = yield* gatewayWith([app("first", backend, {}), app("second", backend, {}), app("third", backend)])
          const ask = yield* Effect.promise(() => host(url))
          const tools = yield* Effect.promise(() => ask("tools/list"))
          const resources = yield* Effect.promise(() => ask("resources/list"))
          for (const [id, uri] of [["first", PAGE], ["second", `second+${PAGE}`], ["third", `third+${PAGE}`]] as const) {
            assert.include(tools, `{"name":"${id}__show","inputSchema":{"type":"object"},"_meta":${META.replaceAll(PAGE, uri)}}`)
            assert.include(yield* Effect.promise(() => ask(...read(uri))), `page of ${id}`)
          }
          assert.deepStrictEqual([...resources.matchAll(/"uri":"([^"]*)"/gu)].map(([, uri]) => uri), [`third+${PAGE}`])
        }).pipe(Effect.scoped))
    })
  }
}

describe("what a modern host declares", () => {
  it.live("reaches a modern server with each request, exactly as the host wrote it", () =>
    Effect.gen(function*() {
      const url = yield* gatewayWith([app("clock", "modern")], { aggregation: { prefix: "never" } })
      const ask = yield* Effect.promise(async () => hosts["modern"]?.(url))
      const said = yield* Effect.promise(async () => ask?.(...calling("declared")))
      assert.include(said, JSON.stringify(HOST).slice(1, -1))
    }).pipe(Effect.scoped))
})
