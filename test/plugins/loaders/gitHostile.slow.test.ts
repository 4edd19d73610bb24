/** What hostile repositories, servers and surroundings cannot make the git loader do; each canary is a file that is not there afterwards. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Redacted } from "effect"
import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs"
import { Plugin } from "#plugin"
import git from "../../../plugins/loaders/git.ts"
import { gitIn, gitServer, write } from "../../kit/gitServer.ts"
import { temporaryLent } from "../../kit/pluginHost.ts"
import { prepared, repository } from "../../kit/repository.ts"

const TOKEN = "canary-0123456789-token"

describe("the git loader", () => {
  it.live("obeys no configuration of the user, the machine's template or the folder it happens to work in", () =>
    Effect.gen(function*() {
      const { workspace } = yield* Plugin.Host
      const { folder, url } = yield* repository({ ".gitattributes": "* filter=evil ident\n", "index.mjs": "$Id$" })
      const canary = `${folder}/canary`
      write(folder, { "hooks/post-checkout": `#!/bin/sh\ntouch ${canary}\n`, "template/hooks/post-checkout": `#!/bin/sh\ntouch ${canary}\n` })
      const config = [
        `[core]\n\thooksPath = ${folder}/hooks\n\tfsmonitor = touch ${canary}\n\tsshCommand = touch ${canary}`,
        `[init]\n\ttemplateDir = ${folder}/template`,
        `[filter "evil"]\n\tsmudge = touch ${canary}\n\trequired = true`,
        `[url "http://127.0.0.1:9/"]\n\tinsteadOf = http://127.0.0.1`,
        `[credential]\n\thelper = "!touch ${canary}"`
      ].join("\n")
      write(workspace, { ".gitconfig": config })
      gitIn(workspace, "init", "--quiet", "..")
      writeFileSync(`${workspace}/../.git/config`, `[core]\n\trepositoryformatversion = 0\n${config}`)

      const loader = yield* git.build({ url })
      const directory = yield* prepared(loader, yield* loader.resolve)
      assert.deepStrictEqual(readdirSync(`${directory}/source`).sort(), [".gitattributes", "index.mjs"])
      assert.strictEqual(readFileSync(`${directory}/source/index.mjs`, "utf8"), "$Id$")
      assert.isFalse(yield* exists(canary))
    }).pipe(Effect.provide(temporaryLent)))

  it.live("leaves submodules out, whatever protocol they name and however their path ends (CVE-2025-48384)", () =>
    Effect.gen(function*() {
      const { copy, folder, renew, url } = yield* repository({ "index.mjs": "" })
      const canary = `${folder}/canary`
      const commit = gitIn(copy, "rev-parse", "HEAD")
      write(copy, {
        ".gitmodules": `[submodule "a"]\n\tpath = a\n\turl = "ext::sh -c touch% ${canary}"\n[submodule "b"]\n\tpath = "b\r"\n\turl = ${url}\n\tupdate = none\n`
      })
      gitIn(copy, "add", "--all")
      gitIn(copy, "update-index", "--add", "--cacheinfo", `160000,${commit},a`)
      gitIn(copy, "update-index", "--add", "--cacheinfo", `160000,${commit},b\r`)
      gitIn(copy, "commit", "--quiet", "--message", "submodules")
      renew()
      const loader = yield* git.build({ url })
      const outcome = yield* Effect.exit(Effect.flatMap(loader.resolve, (resolved) => prepared(loader, resolved)))
      if (outcome._tag === "Success") assert.deepStrictEqual(readdirSync(`${outcome.value}/source/a`), [])
      assert.isFalse(yield* exists(canary))
    }).pipe(Effect.provide(temporaryLent)))

  it.live("refuses a tree that holds a .git of its own", () =>
    Effect.gen(function*() {
      for (const name of [".git", ".GIT", "git~1"]) {
        const { copy, renew, url } = yield* repository({ "index.mjs": "" })
        const blob = execFileSync("git", ["-C", copy, "hash-object", "-w", "--stdin"], { input: "/tmp", encoding: "utf8" }).trim()
        const tree = execFileSync("git", ["-C", copy, "mktree"], { input: `120000 blob ${blob}\t${name}\n`, encoding: "utf8" }).trim()
        gitIn(copy, "update-ref", "refs/heads/main", gitIn(copy, "commit-tree", "-m", "evil", tree))
        renew()
        const loader = yield* git.build({ url, branch: "main" })
        const failure = yield* Effect.flip(Effect.flatMap(loader.resolve, (resolved) => prepared(loader, resolved)))
        assert.match(failure.message, /git (?:fetch|checkout) failed/u, name)
      }
    }).pipe(Effect.provide(temporaryLent)))

  it.live("writes a symbolic link as a small text, which leads nowhere", () =>
    Effect.gen(function*() {
      const { copy, renew, url } = yield* repository({ "index.mjs": "" })
      const files = yield* FileSystem.FileSystem
      yield* files.symlink("/etc/passwd", `${copy}/users`)
      gitIn(copy, "add", "--all")
      gitIn(copy, "commit", "--quiet", "--message", "link")
      renew()
      const loader = yield* git.build({ url })
      const directory = yield* prepared(loader, yield* loader.resolve)
      assert.strictEqual(readFileSync(`${directory}/source/users`, "utf8"), "/etc/passwd")
    }).pipe(Effect.provide(temporaryLent)))

  it.live("refuses a small repository that unpacks to a huge one, before it fills the disk", () =>
    Effect.gen(function*() {
      const { copy, renew, url } = yield* repository({ "index.mjs": "", "huge": "" })
      truncateSync(`${copy}/huge`, 600 * 1024 * 1024)
      gitIn(copy, "add", "--all")
      gitIn(copy, "commit", "--quiet", "--message", "huge")
      renew()
      const files = yield* FileSystem.FileSystem
      const loader = yield* git.build({ url })
      const directory = yield* files.makeTempDirectoryScoped()
      const failure = yield* Effect.flip(loader.prepare(yield* loader.resolve, directory))
      assert.include(failure.message, "it unpacks to 629145600 bytes")
      assert.deepStrictEqual(readdirSync(`${directory}/source`), [])
    }).pipe(Effect.provide(temporaryLent)))

  it.live("follows no redirect, so that a token goes to the host of the address alone", () =>
    Effect.gen(function*() {
      const other = yield* repository({ "index.mjs": "" })
      const server = yield* gitServer("/nowhere", {
        answer: (request, response) => {
          response.writeHead(302, { location: new URL(request.url ?? "", other.url).href }).end()
          return true
        }
      })
      const loader = yield* git.build({ url: server.url("r.git"), token: Redacted.make(TOKEN) })
      const failure = yield* Effect.flip(loader.resolve)
      assert.include(failure.message, "redirects are not followed")
      assert.deepStrictEqual(other.server.requests, [])
    }).pipe(Effect.provide(temporaryLent)))

  it.live("shows the token to no process list, and keeps it in no file", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const { server, url } = yield* repository({ "index.mjs": "" }, {
        answer: () => {
          seen.push(...commandLines())
          return false
        }
      })
      const { workspace } = yield* Plugin.Host
      const loader = yield* git.build({ url, token: Redacted.make(TOKEN) })
      const resolved = yield* loader.resolve
      const directory = yield* prepared(loader, resolved)

      const forms = [TOKEN, btoa(`x-access-token:${TOKEN}`)]
      assert.isTrue(seen.some((line) => line.includes("ls-remote")) && seen.some((line) => line.includes("fetch")))
      assert.deepStrictEqual(seen.filter((line) => forms.some((form) => line.includes(form))), [])
      assert.include(server.requests[0]?.authorization, forms[1])
      for (const form of forms) {
        assert.notInclude(JSON.stringify(resolved), form)
        for (const folder of [directory, workspace]) {
          assert.strictEqual(execFileSync("sh", ["-c", "grep -rlF -- \"$1\" \"$2\" || true", "sh", form, folder], { encoding: "utf8" }), "")
        }
      }
    }).pipe(Effect.provide(temporaryLent)))
})

const exists = (file: string) => Effect.flatMap(FileSystem.FileSystem, (files) => files.exists(file))

/** Of every process there is. */
const commandLines = (): ReadonlyArray<string> =>
  readdirSync("/proc").filter((name) => /^\d+$/u.test(name)).flatMap((id) => {
    try {
      return [readFileSync(`/proc/${id}/cmdline`, "utf8").replaceAll("\0", " ")]
    } catch {
      return []
    }
  })
