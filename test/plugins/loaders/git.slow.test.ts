/** The git loader on real repositories over smart HTTP: what it fetches, and what hostile ones cannot make it do. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Redacted } from "effect"
import git from "../../../plugins/loaders/git.ts"
import { gitIn } from "../../kit/gitServer.ts"
import { temporaryLent } from "../../kit/pluginHost.ts"
import { prepared, repository } from "../../kit/repository.ts"

describe("the git loader", () => {
  it.live("fetches the commit that was resolved, not the tip of the branch", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const { again, first, url } = yield* repository({ "index.mjs": "first" })
      const loader = yield* git.build({ url, branch: "main" })
      const resolved = yield* loader.resolve
      again({ "index.mjs": "second" })

      assert.deepStrictEqual(resolved.pin, { commit: first, ref: "refs/heads/main" })
      const directory = yield* prepared(loader, resolved)
      assert.strictEqual(yield* files.readFileString(`${directory}/source/index.mjs`), "first")
      assert.deepStrictEqual(yield* files.readDirectory(`${directory}/source`), ["index.mjs"])
    }).pipe(Effect.provide(temporaryLent)))

  it.live("takes the commit an annotated tag stands for, a plain tag, and the default branch", () =>
    Effect.gen(function*() {
      const { again, copy, first, renew, url } = yield* repository({ "index.mjs": "first" })
      gitIn(copy, "tag", "--annotate", "v1", "--message", "one")
      gitIn(copy, "tag", "plain")
      const second = again({ "index.mjs": "second" })
      renew()
      const commitFor = (config: object) => Effect.map(Effect.flatMap(git.build({ url, ...config }), (loader) => loader.resolve), ({ pin }) => pin?.["commit"])
      assert.strictEqual(yield* commitFor({ tag: "v1" }), first)
      assert.strictEqual(yield* commitFor({ tag: "plain" }), first)
      assert.strictEqual(yield* commitFor({}), second)
      assert.strictEqual(yield* commitFor({ commit: first }), first)
      const missing = yield* Effect.flip(commitFor({ branch: "release" }))
      assert.include(missing.message, "it has no branch release (check `branch` or `tag`)")
    }).pipe(Effect.provide(temporaryLent)))

  it.live("does not take a longer name that ends like the branch", () =>
    Effect.gen(function*() {
      const { copy, renew, url } = yield* repository({ "index.mjs": "" })
      gitIn(copy, "branch", "refs/heads/stable")
      renew()
      const loader = yield* git.build({ url, branch: "stable" })
      assert.include((yield* Effect.flip(loader.resolve)).message, "it has no branch stable")
    }).pipe(Effect.provide(temporaryLent)))

  it.live("fetches a commit from a server that gives no commits by name, by its branch", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const { again, first, url } = yield* repository({ "index.mjs": "first" }, { isOld: true })
      again({ "index.mjs": "second" })
      for (const config of [{ url, commit: first }, { url, branch: "main" }]) {
        const loader = yield* git.build(config)
        const { source, digest } = yield* loader.resolve
        const directory = yield* prepared(loader, { source, digest, pin: { commit: first } })
        assert.strictEqual(yield* files.readFileString(`${directory}/source/index.mjs`), "first")
      }
    }).pipe(Effect.provide(temporaryLent)))

  it.live("refuses a commit that the server does not have", () =>
    Effect.gen(function*() {
      for (const isOld of [false, true]) {
        const { url } = yield* repository({ "index.mjs": "" }, { isOld })
        const loader = yield* git.build({ url, commit: "0123456789012345678901234567890123456789" })
        const failure = yield* Effect.flip(Effect.flatMap(loader.resolve, (resolved) => prepared(loader, resolved)))
        assert.match(failure.message, /git (?:fetch|ls-tree) failed/u)
      }
    }).pipe(Effect.provide(temporaryLent)))

  it.live("takes nothing but a full commit from a lock file, which could hold an option", () =>
    Effect.gen(function*() {
      const { url } = yield* repository({ "index.mjs": "" })
      const loader = yield* git.build({ url })
      const { digest, source } = yield* loader.resolve
      for (const commit of ["--upload-pack=touch /tmp/x", "main", "0123456"]) {
        const failure = yield* Effect.flip(prepared(loader, { source, digest, pin: { commit } }))
        assert.include(failure.message, "it has no full commit")
      }
    }).pipe(Effect.provide(temporaryLent)))

  it.live("signs in with the token alone, and says what to check when it is not let in", () =>
    Effect.gen(function*() {
      const { server, url } = yield* repository({ "index.mjs": "" }, { credential: "x-access-token:hunter2hunter2" })
      const good = yield* git.build({ url, token: Redacted.make("hunter2hunter2") })
      yield* prepared(good, yield* good.resolve)
      assert.isTrue(server.requests.every(({ authorization }) => authorization === `Basic ${btoa("x-access-token:hunter2hunter2")}`))
      for (const token of [{}, { token: Redacted.make("wrongwrong") }]) {
        const failure = yield* Effect.flatMap(git.build({ url, ...token }), (loader) => Effect.flip(loader.resolve))
        assert.include(failure.message, "check `token`")
        assert.notInclude(failure.message, "wrongwrong")
      }
    }).pipe(Effect.provide(temporaryLent)))

  it.live("runs the server of a folder inside the repository, and says which folder is missing", () =>
    Effect.gen(function*() {
      const { url } = yield* repository({ "packages/a/server.mjs": "", "server.mjs": "" })
      const inner = yield* git.build({ url, subdirectory: "packages/a" })
      const resolved = yield* inner.resolve
      const directory = yield* prepared(inner, resolved)
      const launch = yield* inner.launch(directory, resolved)
      assert.deepStrictEqual(launch.args, [`${directory}/source/packages/a/server.mjs`])
      assert.strictEqual(launch.detected, "server.mjs (a usual name), run by Node.js")
      const missing = yield* git.build({ url, subdirectory: "packages/b" })
      const failure = yield* Effect.flip(prepared(missing, yield* missing.resolve))
      assert.include(failure.message, "there is no folder packages/b (check `subdirectory`)")
    }).pipe(Effect.provide(temporaryLent)))
})
