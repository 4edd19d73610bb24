/** What becomes of a Node server's code once it is fetched: dependencies from its lock file, its build, how it is run. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { Plugin } from "#plugin"
import git from "../../../plugins/loaders/git.ts"
import type { Files } from "../../kit/gitServer.ts"
import { type NpmRegistry, npmRegistryWith } from "../../kit/npmRegistry.ts"
import { temporaryLent } from "../../kit/pluginHost.ts"
import { prepared, repository } from "../../kit/repository.ts"

describe("a Node server from a repository", () => {
  it.live("gets its dependencies from the lock file, and no install script runs", () =>
    Effect.gen(function*() {
      const registry = yield* packages
      const { directory, files, launch } = yield* built(registry, {
        "package.json": manifest({ main: "index.mjs", scripts: { prepare: "touch canary", postinstall: "touch canary" }, dependencies: { shout: "1.0.0" } }),
        "package-lock.json": lock(registry, ["shout"]),
        "index.mjs": ""
      })
      assert.isTrue(yield* files.exists(`${directory}/source/node_modules/shout/index.js`))
      assert.isFalse(yield* files.exists(`${directory}/source/canary`))
      assert.strictEqual(launch.detected, "index.mjs (main of package.json), run by Node.js; dependencies from package-lock.json")
    }).pipe(Effect.provide(temporaryLent)))

  it.live("is built where the file it is run by is not there, by what only the build needs, which is gone afterwards", () =>
    Effect.gen(function*() {
      const registry = yield* packages
      const { directory, files, launch } = yield* built(registry, {
        "package.json": manifest({ bin: "dist/index.mjs", scripts: { build: "maker" }, devDependencies: { maker: "1.0.0" } }),
        "package-lock.json": lock(registry, ["maker"])
      })
      assert.deepStrictEqual(launch.args, [`${directory}/source/dist/index.mjs`])
      assert.isFalse(yield* files.exists(`${directory}/source/node_modules/maker`))
      assert.strictEqual(
        launch.detected,
        "dist/index.mjs (bin of package.json), run by Node.js; dependencies from package-lock.json; built by npm run build (dist/index.mjs is not in the source)"
      )
    }).pipe(Effect.provide(temporaryLent)))

  it.live("builds with nothing of the gateway's environment but what a network needs", () =>
    Effect.gen(function*() {
      process.env["MANIFOLD_CANARY"] = "canary-secret"
      const registry = yield* packages
      const { directory, files } = yield* built(registry, {
        "package.json": manifest({ main: "dist/index.mjs", scripts: { build: "node build.mjs" } }),
        "build.mjs": `import { mkdirSync, writeFileSync } from "node:fs"; mkdirSync("dist"); writeFileSync("dist/index.mjs", JSON.stringify(process.env))`
      })
      const environment = yield* files.readFileString(`${directory}/source/dist/index.mjs`)
      assert.include(environment, `"PATH"`)
      assert.notInclude(environment, "canary-secret")
    }).pipe(Effect.ensuring(Effect.sync(() => delete process.env["MANIFOLD_CANARY"])), Effect.provide(temporaryLent)))

  it.live("obeys no .npmrc of the repository, and no registry of its lock file", () =>
    Effect.gen(function*() {
      const registry = yield* packages
      const { directory, files } = yield* built(registry, {
        ".npmrc": "registry=http://127.0.0.1:9/\nignore-scripts=false\nscript-shell=/bin/false\n",
        "package.json": manifest({ main: "dist.mjs", scripts: { build: "cp index.mjs dist.mjs" }, dependencies: { shout: "1.0.0" } }),
        "package-lock.json": lock(registry, ["shout"], "http://127.0.0.1:9/"),
        "index.mjs": ""
      })
      assert.isTrue(yield* files.exists(`${directory}/source/node_modules/shout/index.js`))
    }).pipe(Effect.provide(temporaryLent)))

  it.live("takes the lock file of a workspace above its folder", () =>
    Effect.gen(function*() {
      const registry = yield* packages
      const { directory, files, launch } = yield* built(registry, {
        "package.json": JSON.stringify({ private: true, workspaces: ["packages/*"] }),
        "package-lock.json": lock(registry, ["shout"], registry.url, {
          "": { workspaces: ["packages/*"] },
          "node_modules/a": { resolved: "packages/a", link: true },
          "packages/a": { version: "1.0.0", dependencies: { shout: "1.0.0" } }
        }),
        "packages/a/package.json": manifest({ name: "a", main: "index.mjs", dependencies: { shout: "1.0.0" } }),
        "packages/a/index.mjs": ""
      }, { subdirectory: "packages/a" })
      assert.isTrue(yield* files.exists(`${directory}/source/node_modules/shout/index.js`))
      assert.include(launch.detected, "dependencies from package-lock.json")
    }).pipe(Effect.provide(temporaryLent)))

  it.live("is refused with what to do where it cannot be built the same everywhere", () =>
    Effect.gen(function*() {
      const registry = yield* packages
      const needy = manifest({ main: "index.mjs", dependencies: { shout: "1.0.0" } })
      const cases: ReadonlyArray<readonly [Files, string]> = [
        [{ "package.json": needy }, "it has dependencies and no package-lock.json (commit a package-lock.json"],
        [{ "package.json": needy, "pnpm-lock.yaml": "" }, "pnpm-lock.yaml is not supported (commit a package-lock.json"],
        [{ "package.json": needy, "package-lock.json": "{}" }, "read package-lock.json failed"],
        [{ "package.json": needy, "package-lock.json": lock(registry, []) }, "bring package-lock.json up to date"],
        [{ "package.json": needy, "package-lock.json": lock(registry, ["shout"]).replace(/"integrity":"[^"]+",/u, "") }, "has no integrity"],
        [{ "package.json": needy, "package-lock.json": lock(registry, ["shout"]).replace(/sha512-..../u, "sha512-AAAA") }, "integrity checksum failed"],
        [{ "package.json": needy, "package-lock.json": lock(registry, ["shout"], registry.url, { "../../x/node_modules/y": { version: "1.0.0" } }) }, "lies outside"],
        [{ "package.json": manifest({ main: "dist/index.js" }) }, "write `build`, or correct package.json"],
        [{ "package.json": manifest({ bin: "../../../bin/sh" }) }, "a file outside of its folder"],
        [{ "Dockerfile": "FROM scratch" }, "use type docker"]
      ]
      for (const [files, expected] of cases) {
        const failure = yield* Effect.flip(built(registry, "Dockerfile" in files ? files : { "index.mjs": "", ...files }))
        assert.include(failure.message, expected)
      }
    }).pipe(Effect.provide(temporaryLent)), 240_000)

  it.live("is built and run as the manifest says, where it says so", () =>
    Effect.gen(function*() {
      const { node } = yield* Plugin.Host
      const registry = yield* packages
      const source = { "package.json": manifest({ main: "dist/index.mjs", scripts: { build: "false" } }), "run.sh": "#!/bin/sh\n", "index.mjs": "" }
      const none = yield* Effect.flip(built(registry, source, { build: false }))
      assert.include(none.message, "build the server first")
      const own = yield* built(registry, source, { build: ["node", "-e", "fs.cpSync('index.mjs', 'dist/index.mjs')"] })
      assert.deepStrictEqual([own.launch.command, ...own.launch.args], [node, `${own.directory}/source/dist/index.mjs`])
      const script = yield* built(registry, source, { build: false, command: "./run.sh" })
      assert.strictEqual(script.launch.command, `${script.directory}/source/run.sh`)
      const outside = yield* Effect.flip(built(registry, source, { build: false, command: "../../../../bin/sh" }))
      assert.include(outside.message, "lies outside of it")
    }).pipe(Effect.provide(temporaryLent)))
})

const manifest = (more: object) => JSON.stringify({ name: "a", version: "1.0.0", ...more })

const packages = npmRegistryWith(
  { name: "shout", version: "1.0.0", manifest: { scripts: { postinstall: "touch ../../canary" } }, files: { "index.js": "" } },
  {
    name: "maker",
    version: "1.0.0",
    manifest: { bin: "make.mjs" },
    files: { "make.mjs": `#!/usr/bin/env node\nimport { mkdirSync, writeFileSync } from "node:fs"; mkdirSync("dist"); writeFileSync("dist/index.mjs", "")` }
  }
)

/** A package-lock.json for packages of the registry. */
const lock = (registry: NpmRegistry, names: ReadonlyArray<string>, from = registry.url, more: object = {}) =>
  JSON.stringify({
    name: "a",
    lockfileVersion: 3,
    packages: {
      "": {
        name: "a",
        version: "1.0.0",
        ...(names.includes("shout") && { dependencies: { shout: "1.0.0" } }),
        ...(names.includes("maker") && { devDependencies: { maker: "1.0.0" } })
      },
      ...Object.fromEntries(names.map((name) => [`node_modules/${name}`, {
        version: "1.0.0",
        resolved: `${from}-/${name}@1.0.0.tgz`,
        integrity: registry.integrityOf(name),
        hasInstallScript: true,
        ...(name === "maker" && { dev: true, bin: { maker: "make.mjs" } })
      }])),
      ...more
    }
  })

/** A repository with these files, fetched and built. */
const built = Effect.fnUntraced(function*(registry: NpmRegistry, content: Files, config: object = {}) {
  const files = yield* FileSystem.FileSystem
  const { url } = yield* repository(content)
  const loader = yield* git.build({ url, registry: registry.url, ...config })
  const resolved = yield* loader.resolve
  const directory = yield* prepared(loader, resolved)
  return { directory, files, launch: yield* loader.launch(directory, resolved) }
})
