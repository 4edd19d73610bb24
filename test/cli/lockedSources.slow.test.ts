/** manifold.lock with what git repositories and Python indexes come to: it is what runs, and it holds no secret. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync, rmSync } from "node:fs"
import { copyFile } from "node:fs/promises"
import { stringify } from "yaml"
import { call, statusOf, until } from "../kit/calls.ts"
import { gateway, temporaryDirectory } from "../kit/gateway.ts"
import { commitTo, gitServer, publish, workingCopy } from "../kit/gitServer.ts"
import { place } from "../kit/verbs.ts"
import { wheelIndexWith } from "../kit/wheelIndex.ts"

const TOKEN = "canary-0123456789-token"
const PLAIN = readFileSync("test/fixtures/servers/plain.py", "utf8")
const OTHER = PLAIN.replace("[::-1]", "")

describe("a lock file", () => {
  it.live("keeps a commit and the hashes of wheels without the token, and runs them with --frozen though both have moved on", () =>
    Effect.gen(function*() {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => temporaryDirectory("manifold-locked-")),
        (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
      )
      const wheel = (version: string, text: string) => ({ name: "plain", version, files: { "plain.py": text }, scripts: { plain: "plain:main" } })
      const index = yield* wheelIndexWith(wheel("1.0.0", PLAIN))
      const commit = workingCopy(`${folder}/copy`, { "server.py": PLAIN })
      publish(`${folder}/copy`, `${folder}/bare/r.git`)
      const server = yield* gitServer(`${folder}/bare`, { credential: `x-access-token:${TOKEN}` })
      const servers = [
        { id: "a", type: "git", url: server.url("r.git"), branch: "main", token: "${env:CANARY_TOKEN}", auth_strategy: "bypass_auth" },
        { id: "b", type: "pypi", package: "plain", index_url: index.url, auth_strategy: "bypass_auth" }
      ]
      const { directory, run } = yield* place(stringify({ servers }))
      const environment = { CANARY_TOKEN: TOKEN }
      const locked = yield* run(["lock"], { environment })
      assert.strictEqual(locked.code, 0, locked.err)
      const lock = readFileSync(`${directory}/manifold.lock`, "utf8")
      assert.include(lock, commit)
      assert.include(lock, index.hashOf("plain"))
      assert.notInclude(lock + locked.out + locked.err, TOKEN)

      commitTo(`${folder}/copy`, { "server.py": OTHER })
      publish(`${folder}/copy`, `${folder}/bare/r.git`)
      yield* index.publish(wheel("2.0.0", OTHER))
      const gate = yield* gateway({ servers }, {
        args: ["--frozen"],
        environment,
        prepare: (own) => copyFile(`${directory}/manifold.lock`, `${own}/manifold.lock`)
      })
      yield* Effect.promise(() => until(() => statusOf(gate.url), ({ servers }) => servers.every(({ actual }) => actual.phase === "ready"), 90))
      for (const { id } of servers) {
        assert.strictEqual((yield* Effect.promise(() => call(gate.url, `${id}__reverse`, { text: "abc" }))).text, "cba", id)
      }
    }).pipe(Effect.scoped), 180_000)
})
