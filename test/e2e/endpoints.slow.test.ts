/** `/servers/<id>/mcp`: one server alone, under its own names, in both eras; `/mcp` beside it as it was. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { resolve } from "node:path"
import { serving, until } from "../kit/calls.ts"
import { officialClient, textOf } from "../kit/client.ts"
import { gateway } from "../kit/gateway.ts"
import { modernCall, post, session } from "../kit/wire.ts"

const watched = (id: string, era: string) => ({
  id,
  type: "local",
  path: resolve("test/fixtures/servers/watched.mjs"),
  auth_strategy: "bypass_auth",
  config: { environment: { ERA: era } }
})

/** Two servers with the same tools and resources. */
const twins = Effect.gen(function*() {
  const gate = yield* gateway({ servers: [watched("one", "legacy"), watched("two", "modern")] })
  yield* Effect.promise(() => serving(gate.url, "one", "two"))
  const { origin } = new URL(gate.url)
  return { url: gate.url, at: (id: string) => `${origin}/servers/${id}/mcp`, rewrite: gate.rewrite }
})

for (const era of ["legacy", "modern"] as const) {
  describe(`the endpoint of one server, for a ${era} client`, () => {
    it.live("shows that server alone, under its own names and addresses", () =>
      Effect.gen(function*() {
        const { at, url } = yield* twins
        const [all, two] = yield* Effect.all([officialClient(url, era), officialClient(at("two"), era)])
        const listed = yield* Effect.promise(async () => ({
          all: (await all.listTools()).tools.map(({ name }) => name),
          tools: (await two.listTools()).tools.map(({ name }) => name),
          resources: (await two.listResources()).resources.map(({ uri }) => uri)
        }))
        assert.deepStrictEqual(listed.tools, ["add", "touch", "heard"])
        assert.deepStrictEqual(listed.resources, ["thing://a", "thing://b"])
        assert.include(listed.all, "two__touch")
        assert.match(yield* Effect.promise(() => two.callTool({ name: "two__touch", arguments: {} }).then(textOf, String)), /Unknown tool/u)
      }).pipe(Effect.scoped))

    it.live("tells of its own resources by their own addresses, and of no other server's", () =>
      Effect.gen(function*() {
        const { at } = yield* twins
        const client = yield* officialClient(at("two"), era)
        const other = yield* officialClient(at("one"), era)
        const heard: Array<string> = []
        client.setNotificationHandler("notifications/resources/updated", ({ params }) => void heard.push(params.uri))
        yield* Effect.promise(async () => {
          if (era === "legacy") await client.subscribeResource({ uri: "thing://a" })
          else await client.listen({ resourceSubscriptions: ["thing://a"] })
          await other.callTool({ name: "touch", arguments: { uri: "thing://a" } })
          await client.callTool({ name: "touch", arguments: { uri: "thing://a" } })
          await until(async () => heard.length, (count) => count > 0)
        })
        assert.deepStrictEqual(heard, ["thing://a"])
      }).pipe(Effect.scoped))
  })
}

describe("an endpoint", () => {
  it.live("knows the sessions that were opened at it, and those alone", () =>
    Effect.gen(function*() {
      const { at, url } = yield* twins
      const statuses = yield* Effect.promise(async () => {
        const { headers } = await session(at("one"))
        const list = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
        return Promise.all([at("one"), at("two"), url].map(async (address) => (await post(address, list, headers)).status))
      })
      assert.deepStrictEqual(statuses, [200, 404, 404])
    }).pipe(Effect.scoped))

  it.live("is there for servers of the manifest, and goes with them", () =>
    Effect.gen(function*() {
      const { at, rewrite, url } = yield* twins
      const status = async (id: string) => {
        const { body, headers } = modernCall("heard")
        return (await post(at(id), body, headers)).status
      }
      assert.deepStrictEqual(yield* Effect.promise(() => Promise.all(["one", "three", "One", ""].map(status))), [200, 404, 404, 404])
      rewrite({ servers: [watched("two", "modern")] })
      yield* Effect.promise(() => until(() => status("one"), (code) => code === 404))
      assert.strictEqual(yield* Effect.promise(() => status("two")), 200)
      assert.isString(url)
    }).pipe(Effect.scoped))
})
