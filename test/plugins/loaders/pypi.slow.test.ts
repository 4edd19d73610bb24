/** The pypi loader on a real pip and an index of the test's own. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { Plugin } from "#plugin"
import pypi from "../../../plugins/loaders/pypi.ts"
import { write } from "../../kit/gitServer.ts"
import { temporaryLent } from "../../kit/pluginHost.ts"
import { prepared } from "../../kit/repository.ts"
import { jsonIndexWith, wheelIndexWith, type WheelText } from "../../kit/wheelIndex.ts"

const server: WheelText = {
  name: "my-server",
  version: "1.2.0",
  files: { "my_server.py": "import shout\ndef main(): print(shout.loud('it runs'))\n" },
  scripts: { "my-server": "my_server:main", other: "my_server:main" },
  requires: ["shout>=1"]
}
const shout: WheelText = { name: "shout", version: "1.0.0", files: { "shout.py": "def loud(text): return text.upper()\n" } }

describe("the pypi loader", () => {
  it.live("installs what was resolved, with all that it brings along and each by its hash, though the index has newer ones by then", () =>
    Effect.gen(function*() {
      const index = yield* wheelIndexWith(server, shout)
      const loader = yield* pypi.build({ package: "My_Server", index_url: index.url })
      const resolved = yield* loader.resolve
      assert.deepStrictEqual(resolved.pin, {
        version: "1.2.0",
        "my-server==1.2.0": index.hashOf("my-server"),
        "shout==1.0.0": index.hashOf("shout")
      })
      assert.strictEqual(resolved.source, "pypi My_Server==1.2.0")
      yield* index.publish({ ...shout, version: "2.0.0", files: { "shout.py": "def loud(text): return 'changed'\n" } })
      yield* index.publish({ ...server, version: "1.3.0" })

      const directory = yield* prepared(loader, resolved)
      const launch = yield* loader.launch(directory, resolved)
      assert.strictEqual(launch.detected, "my-server (a command of My_Server), run by Python")
      assert.strictEqual(said(launch), "IT RUNS")
    }).pipe(Effect.provide(temporaryLent)))

  it.live("keeps the hashes of the wheels for other machines too, so that a lock is good there", () =>
    Effect.gen(function*() {
      const other = { ...shout, platform: "win_arm64", files: { "shout.py": "windows = True\n" } }
      for (const indexWith of [wheelIndexWith, jsonIndexWith]) {
        const index = yield* indexWith(shout, other)
        const loader = yield* pypi.build({ package: "shout", index_url: index.url, module: "shout" })
        const resolved = yield* loader.resolve
        assert.deepStrictEqual(resolved.pin, { version: "1.0.0", "shout==1.0.0": index.hashOf("shout") })
        assert.lengthOf(index.hashOf("shout").split(" "), 2)
        yield* prepared(loader, resolved)
      }
    }).pipe(Effect.provide(temporaryLent)))

  it.live("installs by uv where that is on PATH, and by pip where uv cannot", () =>
    Effect.gen(function*() {
      const { environment, ...host } = yield* Plugin.Host
      const uv = (environment["PATH"] ?? "").split(":").some((folder) => existsSync(`${folder}/uv`))
      if (!uv) console.log("skipped: an installation by uv, there is none on PATH")
      const index = yield* wheelIndexWith(shout)
      write(host.workspace, { "broken/uv": "#!/bin/sh\nexit 1\n" })
      for (const path of [...(uv ? [environment["PATH"]] : []), `${host.workspace}/broken:${environment["PATH"]}`]) {
        const own = Plugin.Host.of({ ...host, environment: { ...environment, PATH: path ?? "" } })
        const loader = yield* pypi.build({ package: "shout", index_url: index.url, module: "shout" })
        const launch = yield* Effect.gen(function*() {
          const resolved = yield* loader.resolve
          return yield* loader.launch(yield* prepared(loader, resolved), resolved)
        }).pipe(Effect.provideService(Plugin.Host, own))
        assert.strictEqual(said(launch), "")
      }
    }).pipe(Effect.provide(temporaryLent)))

  it.live("makes an environment for pip where this Python has none", () =>
    Effect.gen(function*() {
      const { environment, ...host } = yield* Plugin.Host
      execFileSync("python3", ["-m", "venv", "--without-pip", `${host.workspace}/bare`])
      const own = Plugin.Host.of({ ...host, environment: { ...environment, PATH: `${host.workspace}/bare/bin` } })
      const index = yield* wheelIndexWith(server, shout)
      const loader = yield* pypi.build({ package: "my-server", index_url: index.url })
      const launch = yield* Effect.gen(function*() {
        const resolved = yield* loader.resolve
        return yield* loader.launch(yield* prepared(loader, resolved), resolved)
      }).pipe(Effect.provideService(Plugin.Host, own))
      assert.strictEqual(said(launch), "IT RUNS")
    }).pipe(Effect.provide(temporaryLent)))

  it.live("takes a specifier, a command by its name, or a module", () =>
    Effect.gen(function*() {
      const index = yield* wheelIndexWith(server, shout, { ...server, version: "2.0.0", files: { ...server.files, "own.py": "print('a module')\n" } })
      const run = Effect.fnUntraced(function*(config: object) {
        const loader = yield* pypi.build({ package: "my-server", index_url: index.url, ...config })
        const resolved = yield* loader.resolve
        return { resolved, launch: yield* loader.launch(yield* prepared(loader, resolved), resolved) }
      })
      const older = yield* run({ version: ">=1,<2", script: "other" })
      assert.strictEqual(older.resolved.pin["version"], "1.2.0")
      assert.strictEqual(said(older.launch), "IT RUNS")
      assert.strictEqual(said((yield* run({ version: "2.0.0", module: "own" })).launch), "a module")
      const missing = yield* Effect.flip(run({ script: "third" }))
      assert.include(missing.message, `has no command "third" (write script: one of my-server, other)`)
    }).pipe(Effect.provide(temporaryLent)))

  it.live("refuses a wheel whose bytes are not those that were locked", () =>
    Effect.gen(function*() {
      const index = yield* wheelIndexWith(server, shout)
      const loader = yield* pypi.build({ package: "my-server", index_url: index.url })
      const resolved = yield* loader.resolve
      yield* index.publish({ ...shout, files: { "shout.py": "import os\n" } })
      const { workspace } = yield* Plugin.Host
      const files = yield* FileSystem.FileSystem
      yield* files.remove(`${workspace}/pip-cache`, { recursive: true, force: true })
      const failure = yield* Effect.flip(prepared(loader, resolved))
      assert.include(failure.message, "the index has other files than the lock says")
      for (const wrong of ["sha256:0", "sha256:x --index-url=http://127.0.0.1:9"]) {
        const odd = yield* Effect.flip(prepared(loader, { ...resolved, pin: { ...resolved.pin, "shout==1.0.0": wrong } }))
        assert.include(odd.message, "shout==1.0.0 has no sha256")
      }
    }).pipe(Effect.provide(temporaryLent)))

  it.live("refuses a package that is there as sources alone, whose setup.py would run", () =>
    Effect.gen(function*() {
      const index = yield* wheelIndexWith({ ...shout, isSdist: true }, server)
      for (const name of ["shout", "my-server"]) {
        const loader = yield* pypi.build({ package: name, index_url: index.url })
        const failure = yield* Effect.flip(loader.resolve)
        assert.include(failure.message, "source distributions are refused")
      }
      assert.isFalse(index.requests.some((path) => path.endsWith(".tar.gz")))
    }).pipe(Effect.provide(temporaryLent)))

  it.live("asks its one index, whatever pip's configuration and variables say", () =>
    Effect.gen(function*() {
      const other = yield* wheelIndexWith({ ...shout, version: "9.0.0" })
      const index = yield* wheelIndexWith(shout)
      const host = yield* Plugin.Host
      write(host.workspace, {
        ".config/pip/pip.conf": `[global]\nextra-index-url = ${other.url}\n`,
        ".pip/pip.conf": `[global]\nextra-index-url = ${other.url}\n`,
        "pip.conf": `[global]\nextra-index-url = ${other.url}\n`
      })
      const environment = { ...host.environment, PIP_EXTRA_INDEX_URL: other.url, PIP_CONFIG_FILE: `${host.workspace}/pip.conf` }
      const loader = yield* pypi.build({ package: "shout", index_url: index.url })
      const resolved = yield* loader.resolve.pipe(Effect.provideService(Plugin.Host, Plugin.Host.of({ ...host, environment })))
      assert.strictEqual(resolved.pin["version"], "1.0.0")
      assert.deepStrictEqual(other.requests, [])
    }).pipe(Effect.provide(temporaryLent)))

  it.live("says which Python is missing, which the package wants, and what the index lacks", () =>
    Effect.gen(function*() {
      const index = yield* wheelIndexWith({ ...shout, requiresPython: ">=4" }, server)
      const failing = (config: object) => Effect.map(Effect.flip(Effect.flatMap(pypi.build({ package: "shout", index_url: index.url, ...config }), ({ resolve }) => resolve)), ({ message }) => message)
      assert.match(yield* failing({ python: ">=4" }), /find Python failed: wanted >=4, there is 3\.\d+\.\d+/u)
      assert.include(yield* failing({}), "install a Python that the package takes")
      assert.include(yield* failing({ package: "nothing" }), "check the name")
      assert.include(yield* failing({ package: "my-server", version: "7" }), "check the version")
      assert.include(yield* failing({ index_url: "http://127.0.0.1:9/simple" }), "check the n")
    }).pipe(Effect.provide(temporaryLent)), 240_000)
})

/** What the launched command prints. */
const said = ({ args, command }: { readonly command: string; readonly args: ReadonlyArray<string> }) =>
  execFileSync(command, [...args], { encoding: "utf8", env: {} }).trim()
