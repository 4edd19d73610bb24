/** A server's private folder: what it keeps there is there again after its code or its entry has changed. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, statSync } from "node:fs"
import { join, resolve } from "node:path"
import { until } from "../kit/calls.ts"
import { gateway } from "../kit/gateway.ts"
import { modernCall, post, textOf } from "../kit/wire.ts"

const box = (...args: ReadonlyArray<string>) => ({
  id: "box",
  type: "local",
  path: resolve("test/fixtures/servers/inside.mjs"),
  auth_strategy: "bypass_auth",
  config: { args: ["--data={home}", ...args], environment: { GREETING: "{home}/kept" } }
})

describe("the private folder of a server", () => {
  it.live("is {home} in its arguments and environment, and keeps what is written over a restart", () =>
    Effect.gen(function*() {
      const { directory, rewrite, url } = yield* gateway({ servers: [box()] })
      yield* Effect.promise(async () => {
        const call = async (name: string, args: object = {}) => {
          const { body, headers } = modernCall(`box__${name}`, JSON.stringify(args))
          const reply = await post(url, body, headers)
          return reply.text.includes(`"content"`) ? JSON.parse(textOf(reply)) : {}
        }
        const seen = await until(() => call("look"), ({ uid }) => uid !== undefined)
        const home = join(directory, "data", "servers", "box")
        assert.deepInclude(seen, { greeting: join(home, "kept"), args: [`--data=${home}`] })
        assert.strictEqual(await call("write", { path: seen.greeting }), "done")
        rewrite({ servers: [box("--again")] })
        await until(() => call("look"), ({ args = [] }) => args.includes("--again"))
        assert.strictEqual(await call("read", { path: seen.greeting }), "written inside")
        assert.isTrue(existsSync(join(home, "kept")))
        assert.strictEqual(statSync(home).mode & 0o077, 0, "it is nobody else's")
      })
    }).pipe(Effect.scoped))
})
