import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { officialClient, textOf } from "../kit/client.ts"
import { gateway, temporaryDirectory } from "../kit/gateway.ts"
import { type Published, publishedServers } from "../kit/published.ts"

describe("eight published servers", () => {
  it.live("load from npm by one manifest, list and answer, in both eras", () =>
    Effect.gen(function*() {
      const servers = publishedServers(yield* sampleFolder)
      const { url } = yield* gateway({ servers: servers.map(entryOf) })
      yield* allListed(url, servers)

      for (const era of ["legacy", "modern"] as const) {
        const client = yield* officialClient(url, era)
        for (const { answer, arguments: args = {}, id, tool } of servers) {
          const result = yield* Effect.promise(() => client.callTool({ name: `${id}__${tool}`, arguments: args }))
          assert.match(textOf(result), answer, `${id} to a ${era} client`)
        }
      }
    }).pipe(Effect.scoped))
})

const sampleFolder = Effect.acquireRelease(
  Effect.sync(() => {
    const folder = temporaryDirectory("sample-")
    writeFileSync(join(folder, "hello.txt"), "hello there")
    writeFileSync(join(folder, "faulty.js"), "const unused = 1\n")
    writeFileSync(join(folder, "eslint.config.mjs"), "export default [{ rules: { \"no-unused-vars\": \"error\" } }]\n")
    return folder
  }),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

const entryOf = ({ args, id, package: name, version }: Published) => ({
  id,
  type: "npm",
  package: name,
  version,
  auth_strategy: "bypass_auth",
  ...(args === undefined ? {} : { config: { args } })
})

/** The gateway listens while servers are still being installed, so the list grows for a while. */
const allListed = (url: string, servers: ReadonlyArray<Published>) =>
  Effect.gen(function*() {
    const client = yield* officialClient(url, "legacy")
    const { tools } = yield* Effect.promise(() => client.listTools())
    const missing = servers.filter(({ id, tool }) => !tools.some(({ name }) => name === `${id}__${tool}`))
    if (missing.length > 0) return yield* Effect.fail(`not listed: ${missing.map(({ id }) => id).join(", ")}`)
  }).pipe(Effect.scoped, Effect.retry({ schedule: Schedule.spaced("1 second"), times: 150 }))
