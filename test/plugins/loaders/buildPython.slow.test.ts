/** What becomes of a Python server's code once it is fetched: an environment of its own, wheels by their hashes, its package. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { execFileSync } from "node:child_process"
import git from "../../../plugins/loaders/git.ts"
import type { Files } from "../../kit/gitServer.ts"
import { temporaryLent } from "../../kit/pluginHost.ts"
import { prepared, repository } from "../../kit/repository.ts"
import { type WheelIndex, wheelIndexWith } from "../../kit/wheelIndex.ts"

describe("a Python server from a repository", () => {
  it.live("gets what requirements.txt says, and runs in an environment of its own", () =>
    Effect.gen(function*() {
      const index = yield* packages
      for (const [line, from] of [["shout>=1,<2", "requirements.txt"], [`shout==1.0.0 \\\n    --hash=${index.hashOf("shout")}`, "requirements.txt with its hashes"]]) {
        const { directory, launch, pin } = yield* built(index, { "server.py": SERVER, "requirements.txt": `# what it needs\n${line}\n` })
        assert.deepStrictEqual(pin, { "shout==1.0.0": index.hashOf("shout") })
        assert.strictEqual(launch.command, `${directory}/venv/bin/python`)
        assert.strictEqual(launch.detected, `server.py (a usual name), run by Python; dependencies from ${from}`)
        assert.strictEqual(said(launch), "IT RUNS")
      }
    }).pipe(Effect.provide(temporaryLent)))

  it.live("is built as a package by its own backend, which sees no secret, and run by its command", () =>
    Effect.gen(function*() {
      process.env["MANIFOLD_CANARY"] = "canary-secret"
      const index = yield* packages
      const { directory, launch } = yield* built(index, { ...packaged, "package.json": `{"devDependencies":{"prettier":"3"}}` })
      assert.strictEqual(launch.detected, "thing (a command of my_thing), run by Python; dependencies from the package's own list; its package built by pip")
      assert.strictEqual(said(launch), "IT RUNS")
      const files = yield* FileSystem.FileSystem
      const [version = ""] = yield* files.readDirectory(`${directory}/venv/lib`)
      const environment = yield* files.readFileString(`${directory}/venv/lib/${version}/site-packages/seen.txt`)
      assert.include(environment, "PATH")
      assert.notInclude(environment, "canary-secret")
    }).pipe(Effect.ensuring(Effect.sync(() => delete process.env["MANIFOLD_CANARY"])), Effect.provide(temporaryLent)))

  it.live("takes the versions of its lock file, and refuses a file that the lock file does not know", () =>
    Effect.gen(function*() {
      const index = yield* packages
      const hash = index.hashOf("shout")
      yield* index.publish({ ...shout, version: "1.5.0" })
      const uv = (hash: string) => `version = 1\n[[package]]\nname = "shout"\nversion = "1.0.0"\nwheels = [{ url = "x", hash = "${hash}" }]\n[[package]]\nname = "my-thing"\nversion = "1.0"\nsource = { editable = "." }\n`
      const { launch, pin } = yield* built(index, { ...packaged, "uv.lock": uv(hash) })
      assert.deepStrictEqual(Object.keys(pin), ["shout==1.0.0"])
      assert.include(launch.detected, "dependencies from uv.lock")
      const failure = yield* Effect.flip(built(index, { ...packaged, "uv.lock": uv(`sha256:${"0".repeat(64)}`) }))
      assert.include(failure.message, "check uv.lock failed: it does not have shout==1.0.0")
    }).pipe(Effect.provide(temporaryLent)))

  it.live("installs what manifold.lock says, though the index has newer ones by then", () =>
    Effect.gen(function*() {
      const index = yield* packages
      const { url } = yield* repository({ "server.py": SERVER, "requirements.txt": "shout\n" })
      const loader = yield* git.build({ url, index_url: index.url })
      const resolved = yield* loader.resolve
      const pin = { ...resolved.pin, "shout==1.0.0": index.hashOf("shout") }
      yield* index.publish({ ...shout, version: "2.0.0", files: { "shout.py": "def loud(text): return 'changed'\n" } })
      const directory = yield* prepared(loader, { ...resolved, pin })
      const launch = yield* loader.launch(directory, resolved)
      assert.strictEqual(said(launch), "IT RUNS")
      assert.include(launch.detected, "dependencies from manifold.lock")
    }).pipe(Effect.provide(temporaryLent)))

  it.live("takes no option, path or address from requirements.txt, and says what else is wrong", () =>
    Effect.gen(function*() {
      const index = yield* packages
      const lines = ["-r /etc/passwd", "--index-url http://127.0.0.1:9/simple", "--extra-index-url=http://127.0.0.1:9", "-e .", "shout @ file:///etc", "./local", "shout --config-settings=x", "git+https://x.example.com/a.git"]
      const cases: ReadonlyArray<readonly [Files, string]> = [
        ...lines.map((line) => [{ "server.py": "", "requirements.txt": `shout\n${line}\n` }, "is refused (write packages by name"] as const),
        [{ "server.py": "", "requirements.txt": `shout==1.0.0 --hash=sha256:${"0".repeat(64)}` }, "the index has other files"],
        [{ "pyproject.toml": "[project" }, "correct pyproject.toml"],
        [{ ...packaged, "pyproject.toml": `${packaged["pyproject.toml"]}\nrequires-python = ">=4"\n` }, "wanted >=4"],
        [{ ...packaged, "pyproject.toml": packaged["pyproject.toml"].replace("shout", `shout @ ${index.url.replace("/simple", "/files/shout-1.0.0-py3-none-any.whl")}`) }, "shout==1.0.0 does not come from the index"]
      ]
      for (const [files, expected] of cases) {
        const failure = yield* Effect.flip(built(index, files))
        assert.include(failure.message, expected)
      }
    }).pipe(Effect.provide(temporaryLent)), 240_000)
})

const SERVER = "import shout\nprint(shout.loud('it runs'))\n"

const shout = { name: "shout", version: "1.0.0", files: { "shout.py": "def loud(text): return text.upper()\n" } }

const packages = wheelIndexWith(shout)

/** A package with a build backend of its own, so that nothing has to be fetched to build it. */
const packaged = {
  "pyproject.toml": `[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n[project]\nname = "my-thing"\nversion = "1.0"\ndependencies = ["shout"]`,
  "backend.py": `
import os, zipfile
INFO = "my_thing-1.0.dist-info/"
FILES = {
    "my_thing.py": "import shout\\ndef main(): print(shout.loud('it runs'))\\n",
    INFO + "METADATA": "Metadata-Version: 2.1\\nName: my-thing\\nVersion: 1.0\\nRequires-Dist: " + [line for line in open("pyproject.toml") if line.startswith("dependencies")][0].split('"')[1] + "\\n",
    INFO + "WHEEL": "Wheel-Version: 1.0\\nGenerator: own\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    INFO + "entry_points.txt": "[console_scripts]\\nthing = my_thing:main\\n",
}
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "my_thing-1.0-py3-none-any.whl"
    files = {**FILES, "seen.txt": str(dict(os.environ))}
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        for path, text in {**files, INFO + "RECORD": "".join(path + ",,\\n" for path in files)}.items():
            wheel.writestr(path, text)
    return name
`
}

/** A repository with these files, fetched and built. */
const built = Effect.fnUntraced(function*(index: WheelIndex, content: Files) {
  const files = yield* FileSystem.FileSystem
  const { url } = yield* repository(content)
  const loader = yield* git.build({ url, index_url: index.url })
  const resolved = yield* loader.resolve
  const directory = yield* files.makeTempDirectoryScoped({ prefix: "manifold-artifact-" })
  const pin = yield* loader.prepare(resolved, directory)
  return { directory, pin, launch: yield* loader.launch(directory, resolved) }
})

/** What the launched command prints. */
const said = ({ args, command }: { readonly command: string; readonly args: ReadonlyArray<string> }) =>
  execFileSync(command, [...args], { encoding: "utf8", env: {} }).trim()
