/** The git loader over a real sshd: the key it is given, the host it knows, and nothing of either left behind. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Redacted } from "effect"
import { readdirSync } from "node:fs"
import { Plugin } from "#plugin"
import git from "../../../plugins/loaders/git.ts"
import { commitTo, publish, workingCopy, write } from "../../kit/gitServer.ts"
import { temporaryLent } from "../../kit/pluginHost.ts"
import { prepared } from "../../kit/repository.ts"
import { keyIn, sshMissing, sshServer } from "../../kit/sshServer.ts"

if (sshMissing !== undefined) console.log(`skipped: ${sshMissing}`)

describe.skipIf(sshMissing !== undefined)("the git loader over ssh", () => {
  it.live("fetches with the key it is given, whose file is gone afterwards", () =>
    Effect.gen(function*() {
      const { workspace } = yield* Plugin.Host
      const { commit, key, knownHosts, url } = yield* serving
      // Without the line break at its end, as a reference to a file gives it.
      const loader = yield* git.build({ url, ssh_key: Redacted.make(key.trimEnd()), known_hosts: knownHosts })
      const resolved = yield* loader.resolve
      const directory = yield* prepared(loader, resolved)
      assert.strictEqual(resolved.pin?.["commit"], commit)
      assert.deepStrictEqual(readdirSync(`${directory}/source`), ["index.mjs"])
      assert.deepStrictEqual(readdirSync(workspace), [])
    }).pipe(Effect.provide(temporaryLent)))

  it.live("has no key left when the code that was fetched is built", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const { folder, key, knownHosts, url } = yield* serving
      commitTo(`${folder}/copy`, {
        "package.json": `{"main":"seen.mjs","scripts":{"build":"node build.mjs"}}`,
        "build.mjs": `import { readdirSync, writeFileSync } from "node:fs"; writeFileSync("seen.mjs", readdirSync(process.env.HOME).join())`
      })
      publish(`${folder}/copy`, `${folder}/bare/r.git`)
      const loader = yield* git.build({ url, ssh_key: Redacted.make(key), known_hosts: knownHosts })
      const directory = yield* prepared(loader, yield* loader.resolve)
      assert.notMatch(yield* files.readFileString(`${directory}/source/seen.mjs`), /ssh-|git-/u)
    }).pipe(Effect.provide(temporaryLent)))

  it.live("refuses a host whose key is another one, and one that is not known, instead of asking or trusting", () =>
    Effect.gen(function*() {
      const { folder, key, knownHosts, url } = yield* serving
      const files = yield* FileSystem.FileSystem
      const [place = ""] = knownHosts.split(" ")
      const other = (yield* files.readFileString(`${keyIn(folder, "other")}.pub`)).split(" ").slice(0, 2).join(" ")
      for (const known_hosts of [`${place} ${other}`, `git.example.com ${other}`]) {
        const loader = yield* git.build({ url, ssh_key: Redacted.make(key), known_hosts })
        const failure = yield* Effect.flip(loader.resolve)
        assert.include(failure.message, "known_hosts does not hold this host's key")
      }
    }).pipe(Effect.provide(temporaryLent)))

  it.live("removes the key that a killed process left, and leaves one alone that may be in use", () =>
    Effect.gen(function*() {
      const { workspace } = yield* Plugin.Host
      const { key, knownHosts, url } = yield* serving
      const files = yield* FileSystem.FileSystem
      for (const name of ["ssh-old", "git-old", "ssh-young", "pip-cache"]) write(workspace, { [`${name}/key`]: "" })
      for (const name of ["ssh-old", "git-old", "pip-cache"]) yield* files.utimes(`${workspace}/${name}`, new Date(0), new Date(0))
      const loader = yield* git.build({ url, ssh_key: Redacted.make(key), known_hosts: knownHosts })
      yield* loader.resolve
      assert.deepStrictEqual(readdirSync(workspace).sort(), ["pip-cache", "ssh-young"])
    }).pipe(Effect.provide(temporaryLent)))

  it.live("says that the key is not let in, and shows no part of it", () =>
    Effect.gen(function*() {
      const { folder, knownHosts, url } = yield* serving
      const files = yield* FileSystem.FileSystem
      const key = yield* files.readFileString(keyIn(folder, "stranger"))
      const loader = yield* git.build({ url, ssh_key: Redacted.make(key), known_hosts: knownHosts })
      const failure = yield* Effect.flip(loader.resolve)
      assert.include(failure.message, "check `token` or `ssh_key`")
      assert.notInclude(failure.message, "PRIVATE KEY")
    }).pipe(Effect.provide(temporaryLent)))
})

const serving = Effect.gen(function*() {
  const files = yield* FileSystem.FileSystem
  const folder = yield* files.makeTempDirectoryScoped({ prefix: "manifold-ssh-" })
  const commit = workingCopy(`${folder}/copy`, { "index.mjs": "" })
  publish(`${folder}/copy`, `${folder}/bare/r.git`)
  const server = yield* sshServer(folder)
  return { folder, commit, ...server, url: server.url(`${folder}/bare/r.git`) }
})
