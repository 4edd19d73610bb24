/** Servers behind walls: what they see, what they may use, and that they never run without the walls they were given. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { groupsHere } from "../../src/backend/sandbox/Groups.node.ts"
import { until } from "../kit/calls.ts"
import { engine, noDocker } from "../kit/docker.ts"
import { freePort } from "../kit/everything.ts"
import { gateway, startGateway } from "../kit/gateway.ts"
import { loopback } from "../kit/loopback.ts"
import { isAlive } from "../kit/process.ts"
import { modernCall, post, textOf } from "../kit/wire.ts"

const probe = spawnSync("bwrap", ["--unshare-all", "--unshare-user", "--ro-bind", "/", "/", "true"])
const noBubblewrap = probe.status === 0 ? undefined : `bubblewrap cannot be used: ${probe.error?.message ?? String(probe.stderr)}`
const groups = groupsHere()
for (const why of [noBubblewrap, groups === undefined ? "control groups cannot be made here" : undefined, noDocker]) if (why !== undefined) console.log(`skipped: ${why}`)

const boxed = { id: "box", type: "local", path: resolve("test/fixtures/servers/inside.mjs"), auth_strategy: "bypass_auth", sandbox: "process" }

const calling = (url: string, id = "box") => async (name: string, args: object = {}) => {
  const { body, headers } = modernCall(`${id}__${name}`, JSON.stringify(args))
  const reply = await post(url, body, headers)
  return reply.text.includes('"content"') ? JSON.parse(textOf(reply)) : reply.text
}

const look = (url: string, id?: string) => until(() => calling(url, id)("look"), (seen) => typeof seen === "object", 30)

const statusOf = async (url: string) => (await fetch(new URL("/api/v1/servers", url))).text()
const runsOf = async (url: string): Promise<string> => JSON.parse(await statusOf(url)).servers[0].runs.sandbox

/** The control groups of servers, wherever this machine has them. */
const groupsLeft = () =>
  [...new Set(Object.values(groups?.folders ?? {}).flatMap((folder) => readdirSync(folder).filter((name) => /^manifold-[0-9a-f]{8}-/u.test(name))))]

const listening = Effect.map(loopback(() => (_, response) => void response.end("here")), ({ origin }) => origin)

describe.skipIf(noBubblewrap !== undefined)("a server in a sandbox", () => {
  it.live("sees its code, its own folder and the system, and neither the network nor what lies around", () =>
    Effect.gen(function*() {
      const origin = yield* listening
      const prepare = async (directory: string) => writeFileSync(join(directory, "secret"), "of the manifest's folder")
      const { directory, url } = yield* gateway({ servers: [{ ...boxed, config: { environment: { GREETING: "hello" } } }] }, { prepare, environment: { SECRET_OF_THE_GATEWAY: "x" } })
      yield* Effect.promise(async () => {
        const call = calling(url)
        const seen = await look(url)
        const home = join(directory, "data", "servers", "box")
        assert.deepInclude(seen, { uid: 65534, user: "server", interfaces: ["lo"], greeting: "hello", root: "EROFS", tmp: "done", CapEff: "0000000000000000", CapBnd: "0000000000000000", NoNewPrivs: "1" })
        assert.deepStrictEqual(seen.environment, ["GREETING", "HOME", "LANG", "MANIFOLD_INSTANCE", "PATH", "PWD"])
        assert.strictEqual(await call("fetch", { url: origin }), "ECONNREFUSED")
        assert.strictEqual(await call("write", { path: resolve("test/fixtures/servers/written") }), "EROFS")
        assert.strictEqual(await call("write", { path: "/usr/written" }), "EROFS")
        assert.strictEqual(await call("write", { path: join(home, "kept") }), "done")
        assert.strictEqual(readFileSync(join(home, "kept"), "utf8"), "written inside")
        const hidden = [join(directory, "secret"), join(directory, "manifold.yaml"), join(directory, "data", "store.sqlite"), resolve("package.json"), "/etc/shadow", "/root/.bashrc"]
        for (const path of hidden) assert.include(["ENOENT", "EACCES"], await call("read", { path }), path)
        assert.deepStrictEqual((await call("list", { path: "/proc" })).filter((name: string) => /^\d+$/u.test(name)).length, 2)
        assert.match(await runsOf(url), /^bubblewrap: no network, user 65534, read-only system; .*4096 open files/u)
      })
    }).pipe(Effect.scoped))

  it.live("has the network and the folders that the manifest names, to read unless it may write, and none that lead out", () =>
    Effect.gen(function*() {
      const origin = yield* listening
      const prepare = async (directory: string) => {
        for (const name of ["given", "writable"]) mkdirSync(join(directory, name))
        writeFileSync(join(directory, "given", "file"), "of the host")
      }
      const sandbox = { mode: "process", network: true, folders: ["./given", "./writable:rw"] }
      const { directory, url } = yield* gateway({
        servers: [{ ...boxed, sandbox }, ...["/", "./data", "./", "./nowhere"].map((folder, index) => ({ ...boxed, id: `out-${index}`, sandbox: { mode: "process", folders: [folder] } }))]
      }, { prepare })
      const call = calling(url)
      yield* Effect.promise(async () => {
        await look(url)
        assert.strictEqual(await call("fetch", { url: origin }), 200)
        assert.strictEqual(await call("read", { path: join(directory, "given", "file") }), "of the host")
        assert.strictEqual(await call("write", { path: join(directory, "given", "file") }), "EROFS")
        assert.strictEqual(await call("write", { path: join(directory, "writable", "file") }), "done")
        const reasons = ["is the whole machine", "leads to the gateway's own data", "./nowhere is not there"]
        const said = await until(() => statusOf(url), (text) => reasons.every((why) => text.includes(why)), 20)
        assert.include(said, "correct `sandbox.folders`")
      })
    }).pipe(Effect.scoped))

  it.live("serves on a port of this machine where it has the network", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const { url } = yield* gateway({ servers: [{ ...boxed, sandbox: { mode: "process", network: true }, config: { port } }] })
      assert.include((yield* Effect.promise(() => look(url))).environment, "PORT")
    }).pipe(Effect.scoped))

  it.live("is asked to end before it is ended, and takes with it whatever it started", () =>
    Effect.gen(function*() {
      const { descendants, directory, rewrite, url } = yield* gateway({ servers: [{ ...boxed, config: { environment: { STAYS: "1" } } }] })
      yield* Effect.promise(async () => {
        await look(url)
        assert.strictEqual(await calling(url)("start", { count: 3 }), 3)
        const alive = descendants()
        assert.isAtLeast(alive.length, 6)
        rewrite({ servers: [] })
        await until(async () => alive.filter(isAlive), (left) => left.length === 0, 10)
        assert.strictEqual(readFileSync(join(directory, "data", "servers", "box", "ended"), "utf8"), "politely")
        await until(async () => groupsLeft().length, (left) => left === 0)
      })
    }).pipe(Effect.scoped))

  it.live("dies with a gateway that was killed, and the next start tidies up after it", () =>
    Effect.gen(function*() {
      const first = yield* gateway({ servers: [{ ...boxed, config: { environment: { STAYS: "1" } } }] })
      yield* Effect.promise(async () => {
        await look(first.url)
        await calling(first.url)("start", { count: 3 })
        const alive = first.descendants()
        await first.kill()
        await until(async () => alive.filter(isAlive), (left) => left.length === 0, 5)
        const again = await startGateway(readFileSync(first.manifest, "utf8"))
        await look(again.url)
        await again.stop()
        await until(async () => groupsLeft().length, (left) => left === 0)
      })
    }).pipe(Effect.scoped))

  it.live("never runs without it: where bubblewrap is missing its server fails alone, with the reason and the remedy", () =>
    Effect.gen(function*() {
      const prepare = async (directory: string) => {
        mkdirSync(join(directory, "bin"))
        writeFileSync(join(directory, "server.mjs"), `import { writeFileSync } from "node:fs"; writeFileSync(new URL("./started", import.meta.url), "")`)
      }
      const { directory, url } = yield* gateway(
        { servers: [{ ...boxed, path: "./server.mjs" }, { ...boxed, id: "free", sandbox: "none" }] },
        { prepare, command: [process.execPath, resolve("dist/manifold.mjs")], environment: { PATH: "/nowhere" } }
      )
      yield* Effect.promise(async () => {
        await look(url, "free")
        const said = await until(() => statusOf(url), (text) => text.includes("bubblewrap"), 20)
        assert.include(said, "bubblewrap cannot be used here: it is not installed (install it (Debian: apt-get install bubblewrap)")
        assert.isFalse(existsSync(join(directory, "started")))
      })
    }).pipe(Effect.scoped))

  it.live("was built in one too: with the network, and without what lies around", () =>
    Effect.gen(function*() {
      const origin = yield* listening
      const prepare = async (directory: string) => {
        const server = join(directory, "server")
        mkdirSync(server)
        writeFileSync(join(directory, "secret"), "of the manifest's folder")
        writeFileSync(join(server, "package.json"), JSON.stringify({ name: "built", version: "1.0.0", type: "module", main: "dist/server.mjs", scripts: { build: "node build.mjs" } }))
        writeFileSync(join(server, "package-lock.json"), JSON.stringify({ name: "built", version: "1.0.0", lockfileVersion: 3, packages: { "": { name: "built", version: "1.0.0" } } }))
        writeFileSync(join(server, "build.mjs"), `
          import { mkdirSync, readFileSync, writeFileSync, copyFileSync } from "node:fs"
          const attempt = (what) => { try { return what() ?? "done" } catch (cause) { return cause.code } }
          const seen = {
            secret: attempt(() => readFileSync(${JSON.stringify(join(directory, "secret"))}, "utf8")),
            outside: attempt(() => writeFileSync(${JSON.stringify(join(directory, "written"))}, "")),
            tools: attempt(() => readFileSync(${JSON.stringify(join(directory, "data", "tools", "sandbox", "passwd"))}, "utf8")),
            environment: Object.keys(process.env).filter((name) => name.includes("SECRET")),
            network: await fetch(${JSON.stringify(origin)}).then(({ status }) => status, () => "none")
          }
          mkdirSync("dist")
          writeFileSync("dist/seen.json", JSON.stringify(seen))
          copyFileSync("inside.mjs", "dist/server.mjs")
        `)
        writeFileSync(join(server, "inside.mjs"), readFileSync("test/fixtures/servers/inside.mjs"))
      }
      const { directory, url } = yield* gateway({ servers: [{ ...boxed, path: "./server", install: true }] }, { prepare, environment: { SECRET_OF_THE_GATEWAY: "x" } })
      yield* Effect.promise(async () => {
        await look(url)
        const seen = JSON.parse(await calling(url)("read", { path: "dist/seen.json" }))
        assert.deepStrictEqual(seen, { secret: "ENOENT", outside: "done", tools: "ENOENT", environment: [], network: 200 })
        assert.isFalse(existsSync(join(directory, "written")), "what it writes beside is its own")
        await until(async () => groupsLeft().length, (left) => left <= 1)
      })
    }).pipe(Effect.scoped))
})

describe.skipIf(groups === undefined)("a server with limits", () => {
  it.live("ends when it takes more memory, comes back, and cannot start more processes or open more files", () =>
    Effect.gen(function*() {
      const { url } = yield* gateway({
        servers: [
          { ...boxed, sandbox: "none", limits: { memory: "128 MiB", cpu: 0.5, processes: 40, open_files: 64 } },
          { ...boxed, id: "other", sandbox: "none" }
        ]
      })
      const call = calling(url)
      yield* Effect.promise(async () => {
        await look(url)
        const started = await call("start", { count: 100 })
        assert.isBelow(started, 40)
        assert.isAbove(started, 10)
        assert.isBelow(await call("open", { count: 100 }), 64)
        assert.match(JSON.stringify(await call("swell")), /exited|ended/u)
        await look(url)
        await look(url, "other")
        assert.match(await runsOf(url), /^memory 128 MiB \(cgroup v[12]\); 0.5 processors \(cgroup v[12]\); 40 processes \(cgroup v[12]\); 64 open files$/u)
      })
    }).pipe(Effect.scoped))

  it.live("runs anew with others when they change", () =>
    Effect.gen(function*() {
      const server = { ...boxed, sandbox: "none" }
      const { rewrite, url } = yield* gateway({ servers: [{ ...server, limits: { open_files: 64 } }] })
      yield* Effect.promise(async () => {
        await look(url)
        rewrite({ servers: [{ ...server, limits: { open_files: 80 } }] })
        await until(() => runsOf(url), (text) => text === "80 open files", 10)
        assert.isAbove(await calling(url)("open", { count: 100 }), 48)
      })
    }).pipe(Effect.scoped))

  it.live("leaves nobody behind, not even those who left its session", () =>
    Effect.gen(function*() {
      const { descendants, rewrite, url } = yield* gateway({ servers: [{ ...boxed, sandbox: "none", limits: { processes: 100 } }] })
      yield* Effect.promise(async () => {
        await look(url)
        await calling(url)("start", { count: 3 })
        const alive = descendants()
        rewrite({ servers: [] })
        await until(async () => alive.filter(isAlive), (left) => left.length === 0, 10)
        await until(async () => groupsLeft().length, (left) => left === 0)
      })
    }).pipe(Effect.scoped))
})

describe.skipIf(noDocker !== undefined)("a packaged server in a container", () => {
  it.live("runs on the system of an image, sees its code and its own folder, and leaves no container", () =>
    Effect.gen(function*() {
      const own = yield* engine
      const image = yield* Effect.promise(() => own.docker("image", "inspect", "--format", "{{.Id}}", "local/inside:1"))
      const { directory, rewrite, url } = yield* gateway(
        { servers: [{ ...boxed, sandbox: { mode: "container", image }, config: { environment: { GREETING: "hello" } } }] },
        { environment: { DOCKER_HOST: own.socket, SECRET_OF_THE_GATEWAY: "x" } }
      )
      yield* Effect.promise(async () => {
        const [seen, call] = [await look(url), calling(url)]
        assert.deepInclude(seen, { uid: process.getuid?.(), interfaces: ["lo"], greeting: "hello", root: "EROFS", CapEff: "0000000000000000", NoNewPrivs: "1" })
        assert.include(await call("list", { path: "/" }), "app", "the folder of the image")
        assert.strictEqual(await call("write", { path: join(directory, "data", "servers", "box", "kept") }), "done")
        assert.strictEqual(await call("write", { path: resolve("test/fixtures/servers/written") }), "EROFS")
        assert.strictEqual(await call("read", { path: resolve("package.json") }), "ENOENT")
        assert.match(await runsOf(url), /^a container of docker: sha256:[0-9a-f]{64}, no network, user \d+, read-only system/u)
        rewrite({ servers: [] })
        await until(own.containers, (names) => names.length === 0, 15)
      })
    }).pipe(Effect.scoped))
})
