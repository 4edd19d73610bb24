/** Who sees and calls what: users of a real authorization server with groups and tenants, in both eras, through a gateway with rules. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { resolve } from "node:path"
import { authorizationServer } from "../kit/authorizationServer.ts"
import { until } from "../kit/calls.ts"
import { textOf } from "../kit/client.ts"
import { gateway } from "../kit/gateway.ts"
import { modernCall, post } from "../kit/wire.ts"

const USERS: Readonly<Record<string, object>> = {
  ada: { groups: ["devs"], tenant: "acme" },
  bob: { groups: ["devs"], tenant: "other" },
  eve: { tenant: "acme" }
}

const watched = (id: string, tenant: string) => ({
  id,
  type: "local",
  path: resolve("test/fixtures/servers/watched.mjs"),
  auth_strategy: "bypass_auth",
  tenants: [tenant]
})

const RULES = [
  { effect: "allow", roles: ["dev"], servers: ["near"], tools: ["heard", "touch"], resources: ["thing://a"] },
  { effect: "allow", roles: ["dev"], servers: ["work"], tools: ["echo", "pid"] },
  { id: "no-etc", effect: "deny", roles: ["*"], servers: ["work"], tools: ["echo"], arguments: { path: "/etc/**" } },
  { effect: "allow", roles: ["dev"], servers: ["far"] }
]

const guarded = Effect.gen(function*() {
  const server = yield* authorizationServer({ claims: (user) => ({ ...USERS[user] }) })
  const manifest = (rules: ReadonlyArray<object>) => ({
    master_oauth: { provider: "oidc", issuer: server.issuer, required_scopes: ["mcp"] },
    access: { roles: [{ name: "dev", when: [{ claim: "groups", has: "devs" }] }], tenant: { claim: "tenant" }, rules },
    servers: [
      watched("near", "acme"),
      watched("far", "other"),
      { id: "work", type: "local", path: resolve("test/fixtures/servers/legacy.mjs"), auth_strategy: "bypass_auth", tenants: ["acme"] }
    ]
  })
  const gate = yield* gateway(manifest(RULES), { args: ["--log-level", "debug"] })
  const { origin } = new URL(gate.url)
  const tokenOf = (user: string, audience = gate.url) => Effect.map(server.forUser(user, { audience }), ({ access_token }) => access_token)
  const call = (token: string, name: string, args = "{}", url = gate.url) => {
    const { body, headers } = modernCall(name, args)
    return post(url, body, { ...headers, authorization: `Bearer ${token}` })
  }
  const [ada, bob] = yield* Effect.all([tokenOf("ada"), tokenOf("bob")])
  for (const [token, name] of [[ada, "near__heard"], [ada, "work__pid"], [bob, "far__heard"]] as const) {
    yield* Effect.promise(() => until(() => call(token, name), ({ message }) => message?.result !== undefined))
  }
  return { ...gate, ada, bob, call, manifest, origin, tokenOf, withRules: (rules: ReadonlyArray<object>) => gate.rewrite(manifest(rules)) }
})

const eras = ["legacy", { pin: "2026-07-28" }] as const

/** An official client with a token, and what it hears of lists. */
const clientWith = (url: string, token: string, mode: (typeof eras)[number]) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const client = new Client({ name: "one of many", version: "1" }, { versionNegotiation: { mode } })
      const heard: Array<string> = []
      client.setNotificationHandler("notifications/tools/list_changed", () => void heard.push("tools"))
      client.setNotificationHandler("notifications/resources/updated", ({ params }) => void heard.push(params.uri))
      await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { authorization: `Bearer ${token}` } } }))
      return { client, heard }
    }),
    ({ client }) => Effect.promise(() => client.close())
  )

const toolsOf = async (client: Client) => (await client.listTools()).tools.map(({ name }) => name).sort()

const refusal = (attempt: Promise<unknown>) => attempt.then(() => "none", (error: unknown) => error instanceof Error ? error.message : String(error))

describe("access rules", () => {
  for (const mode of eras) {
    it.live(`show ${mode === "legacy" ? "a legacy" : "a modern"} client what it may call, and nothing of what it may not`, () =>
      Effect.gen(function*() {
        const { ada, bob, tokenOf, url } = yield* guarded
        const { client } = yield* clientWith(url, ada, mode)
        const other = yield* clientWith(url, bob, mode)
        const nobody = yield* clientWith(url, yield* tokenOf("eve"), mode)
        yield* Effect.promise(async () => {
          assert.deepStrictEqual(await toolsOf(client), ["near__heard", "near__touch", "work__echo", "work__pid"])
          assert.deepStrictEqual((await client.listResources()).resources.map(({ uri }) => uri), ["thing://a"])
          assert.deepStrictEqual(await toolsOf(other.client), ["far__add", "far__heard", "far__touch"])
          assert.deepStrictEqual(await toolsOf(nobody.client), [])
          assert.isDefined((await client.callTool({ name: "near__heard", arguments: {} })).content)

          // A hidden name is answered word for word as one that nobody has.
          const hidden = await refusal(client.callTool({ name: "near__add", arguments: {} }))
          assert.strictEqual(hidden.replaceAll("near__add", "NAME"), (await refusal(client.callTool({ name: "near__none", arguments: {} }))).replaceAll("near__none", "NAME"))
          assert.match(await refusal(other.client.callTool({ name: "near__heard", arguments: {} })), /Unknown tool/u)
          assert.match(await refusal(nobody.client.callTool({ name: "near__heard", arguments: {} })), /Unknown tool/u)
          assert.match(await refusal(client.readResource({ uri: "thing://b" })), /not found/u)
          // Nobody else lists thing:// for bob's tenant but far.
          assert.include((await other.client.listResources()).resources.map(({ uri }) => uri), "thing://b")
        })
      }).pipe(Effect.scoped))

    it.live(`decide over the arguments of ${mode === "legacy" ? "a legacy" : "a modern"} client's call, and say no more than that they do`, () =>
      Effect.gen(function*() {
        const { ada, stderr, url } = yield* guarded
        const { client } = yield* clientWith(url, ada, mode)
        yield* Effect.promise(async () => {
          assert.include(textOf(await client.callTool({ name: "work__echo", arguments: { path: "/tmp/x" } })), "/tmp/x")
          for (const path of ["/etc/passwd", "/tmp/../etc/passwd", ["/tmp/x", "/etc/passwd"]]) {
            const why = await refusal(client.callTool({ name: "work__echo", arguments: { path } }))
            assert.match(why, /You may not call this with these arguments/u)
            assert.notInclude(why, "no-etc")
          }
          await until(async () => stderr(), (text) => text.includes("rule no-etc denies these arguments"), 5)
          assert.notInclude(stderr(), "/etc/passwd")
        })
      }).pipe(Effect.scoped))

    it.live(`that change are in force at once for ${mode === "legacy" ? "a legacy" : "a modern"} client, and tell whoever sees a change and nobody else`, () =>
      Effect.gen(function*() {
        const { ada, bob, call, url, withRules } = yield* guarded
        const mine = yield* clientWith(url, ada, mode)
        const others = yield* clientWith(url, bob, mode)
        yield* Effect.promise(async () => {
          if (mode !== "legacy") for (const { client } of [mine, others]) await client.listen({ toolsListChanged: true, resourceSubscriptions: ["thing://a"] })
          else await mine.client.subscribeResource({ uri: "thing://a" })
          await mine.client.listTools()
          await call(ada, "near__touch", `{"uri":"thing://a"}`)
          await until(async () => mine.heard, (heard) => heard.includes("thing://a"), 5)

          withRules([...RULES, { effect: "deny", roles: ["dev"], servers: ["near"], tools: ["heard"], }, { effect: "deny", roles: ["dev"], servers: ["near"], resources: ["*"] }])
          await until(async () => mine.heard, (heard) => heard.includes("tools"), 10)
          assert.deepStrictEqual(await toolsOf(mine.client), ["near__touch", "work__echo", "work__pid"])
          assert.match(await refusal(mine.client.callTool({ name: "near__heard", arguments: {} })), /Unknown tool/u)

          mine.heard.length = 0
          await call(ada, "near__touch", `{"uri":"thing://a"}`)
          // What is hidden is heard of by nobody: a change that is seen comes after it on the same stream.
          withRules(RULES)
          await until(async () => mine.heard, (heard) => heard.includes("tools"), 10)
          assert.notInclude(mine.heard, "thing://a")
          assert.deepStrictEqual(others.heard, [])
        })
      }).pipe(Effect.scoped))
  }

  it.live("make the endpoint of a server that one may not see the same as that of none", () =>
    Effect.gen(function*() {
      const { call, origin, tokenOf } = yield* guarded
      const at = (id: string) => `${origin}/servers/${id}/mcp`
      const tokens = yield* Effect.all(["near", "far", "none"].map((id) => tokenOf("ada", at(id))))
      yield* Effect.promise(async () => {
        const [near, far, none] = await Promise.all(["near", "far", "none"].map((id, index) => call(tokens[index] ?? "", "heard", "{}", at(id))))
        assert.deepStrictEqual([near?.status, far?.status, none?.status], [200, 404, 404])
        assert.strictEqual(far?.text, none?.text)
        const anonymous = await Promise.all(["near", "none"].map(async (id) => (await call("x", "heard", "{}", at(id))).status))
        assert.deepStrictEqual(anonymous, [401, 401])
      })
    }).pipe(Effect.scoped))
})
