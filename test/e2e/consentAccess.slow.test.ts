/** A server whose users consent for themselves, behind access rules: what is hidden asks nobody for consent. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { userBrowser } from "../kit/browser.ts"
import { until } from "../kit/calls.ts"
import { consenting } from "../kit/consenting.ts"

describe("a server whose users consent for themselves", () => {
  it.live("is what the access rules leave of it: hidden to one user, and to another what each token's roles allow", () =>
    Effect.gen(function*() {
      const access = {
        roles: [{ name: "reader", when: [{ subject: "ada" }] }, { name: "writer", when: [{ subject: "ada", scope: "manifold:admin" }] }],
        rules: [
          { effect: "allow", roles: ["reader"], servers: ["back"], tools: ["who"] },
          { effect: "allow", roles: ["writer"], servers: ["back"], tools: ["write"] }
        ]
      }
      const { call, connected, list, tokenOf } = yield* consenting({}, "modern", { access })
      const [ada, more, bob] = yield* Effect.all([tokenOf("ada"), tokenOf("ada", ["mcp", "manifold:admin"]), tokenOf("bob")])
      yield* Effect.promise(async () => {
        assert.deepStrictEqual(await until(() => list(ada), (names) => names.length > 0), ["back__connect"])
        assert.deepStrictEqual(await list(bob), [])
        for (const name of ["back__who", "back__connect", "back__none"]) assert.match((await call(bob, name)).text, /Unknown tool/u)
        await connected(ada, userBrowser("ada"))
        assert.deepStrictEqual(await until(() => list(ada), (names) => !names.includes("back__connect")), ["back__who"])
        assert.deepStrictEqual(await list(more), ["back__who", "back__write"])
        assert.deepStrictEqual(await list(ada), ["back__who"], "one user's other token gives no other roles to this one")
        assert.match((await call(ada, "back__write")).text, /Unknown tool/u)
        assert.deepStrictEqual(await list(bob), [])
      })
    }).pipe(Effect.scoped))
})
