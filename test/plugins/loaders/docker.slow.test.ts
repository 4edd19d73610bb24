/** The docker loader before a real engine: what runs is what was pinned, it sees nothing it was not given, and nothing of it stays behind. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { until } from "../../kit/calls.ts"
import { argumentsOf, engine, noDocker, noRegistry, registry } from "../../kit/docker.ts"
import { freePort } from "../../kit/everything.ts"
import { gateway } from "../../kit/gateway.ts"
import { MAIN } from "../../kit/main.ts"
import { modernCall, post, textOf } from "../../kit/wire.ts"

if (noRegistry !== undefined) console.log(`skipped: ${noRegistry}`)

const inside = { id: "box", type: "docker", image: "local/inside:1", auth_strategy: "bypass_auth" }

const calling = (url: string) => async (name: string, args: object = {}) => {
  const { body, headers } = modernCall(`box__${name}`, JSON.stringify(args))
  const reply = await post(url, body, headers)
  return reply.text.includes('"content"') ? textOf(reply) : reply.text
}

/** What the server sees of where it runs. */
const look = async (url: string) => JSON.parse(await until(() => calling(url)("look"), (text) => text.startsWith(`{"uid"`), 30))

const statusOf = async (url: string): Promise<string> =>
  (await promisify(execFile)("node", [MAIN, "status", "--json", "--url", url]).catch((failed: { readonly stdout: string }) => failed)).stdout

const withEngine = Effect.fnUntraced(function*(server: object) {
  const own = yield* engine
  const gate = yield* gateway({ servers: [{ ...inside, ...server }] }, { environment: { DOCKER_HOST: own.socket, SECRET_OF_THE_GATEWAY: "x" } })
  return { ...own, ...gate, call: calling(gate.url) }
})

describe.skipIf(noDocker !== undefined)("a server in a container", () => {
  it.live("sees no network, no capabilities, a read-only system and what the manifest gives it, whatever its image says", () =>
    Effect.gen(function*() {
      const { containers, descendants, docker, url } = yield* withEngine({ config: { args: ["--flag"], environment: { GREETING: "hello there" } } })
      yield* Effect.promise(async () => {
        const seen = await look(url)
        assert.deepInclude(seen, { uid: 65532, interfaces: ["lo"], greeting: "hello there", args: ["--flag"], root: "EROFS", tmp: "done" })
        assert.deepInclude(seen, { CapEff: "0000000000000000", CapBnd: "0000000000000000", NoNewPrivs: "1", Seccomp: "2" })
        assert.deepStrictEqual(seen.environment.filter((name: string) => !/^(?:PATH|HOSTNAME|HOME|GREETING)$/u.test(name)), [])
        const [name = ""] = await containers()
        assert.match(name, /^manifold-[0-9a-f-]{36}$/u)
        const { HostConfig } = JSON.parse(await docker("inspect", name))[0]
        assert.deepInclude(HostConfig, { Privileged: false, Memory: 512 * 1024 ** 2, MemorySwap: 512 * 1024 ** 2, NanoCpus: 1e9, PidsLimit: 256, Binds: null, Init: true })
        const line = argumentsOf(descendants()).find((text) => text.includes(" run ")) ?? ""
        assert.include(line, "--env GREETING sha256:")
        assert.notInclude(line, "hello there", "values stay out of what everybody on the machine can read")
      })
    }).pipe(Effect.scoped))

  it.live("is gone with the gateway, and with its entry, and after a gateway that was killed", () =>
    Effect.gen(function*() {
      const own = yield* engine
      const options = { environment: { DOCKER_HOST: own.socket } }
      const first = yield* gateway({ servers: [inside] }, options)
      yield* Effect.promise(async () => {
        await look(first.url)
        first.rewrite({ servers: [] })
        await until(own.containers, (names) => names.length === 0, 15)
        first.rewrite({ servers: [inside] })
        await look(first.url)
        assert.lengthOf(await own.containers(), 1)
        await first.kill()
        // The client may have lived on for a moment; the container does until somebody removes it.
        const again = execFile("node", [MAIN, "serve", "--manifest", first.manifest, "--port", "0"], { env: { ...process.env, DOCKER_HOST: own.socket } })
        const before = await own.containers()
        await until(own.containers, (names) => names.length === 1 && !before.includes(names[0] ?? ""), 20)
        again.kill("SIGTERM")
        await until(own.containers, (names) => names.length === 0, 15)
        assert.strictEqual(await own.docker("volume", "ls", "--quiet"), "")
      })
    }).pipe(Effect.scoped))

  it.live("has the folders of the manifest, to read unless it may write, and none that lead out", () =>
    Effect.gen(function*() {
      const own = yield* engine
      const prepare = async (directory: string) => {
        for (const name of ["given", "writable"]) mkdirSync(join(directory, name))
        writeFileSync(join(directory, "given", "file"), "of the host")
      }
      const gate = yield* gateway({
        servers: [
          { ...inside, user: "0", volumes: ["./given:/given", "./writable:/writable:rw"] },
          ...["/:/host", "/run:/run", `${own.folder}:/engine`, "./:/all", "./nowhere:/nowhere"].map((volume, index) => ({ ...inside, id: `out-${index}`, volumes: [volume] }))
        ]
      }, { prepare, environment: { DOCKER_HOST: own.socket } })
      const call = calling(gate.url)
      yield* Effect.promise(async () => {
        await look(gate.url)
        assert.strictEqual(await call("read", { path: "/given/file" }), `"of the host"`)
        assert.strictEqual(await call("write", { path: "/given/file" }), `"EROFS"`)
        assert.strictEqual(await call("write", { path: "/writable/file" }), `"done"`)
        assert.strictEqual(readFileSync(join(gate.directory, "writable", "file"), "utf8"), "written inside")
        const reasons = ["is the whole machine", "leads to the container engine", "leads to the gateway's own data", "./nowhere is not there"]
        await until(() => statusOf(gate.url), (text) => reasons.every((why) => text.includes(why)), 20)
        assert.lengthOf(await own.containers(), 1)
      })
    }).pipe(Effect.scoped))

  it.live("ends when it takes more memory than its limit, and comes back, while another goes on", () =>
    Effect.gen(function*() {
      const { call, url } = yield* withEngine({ limits: { memory: "96 MiB", cpu: 0.5, processes: 64 } })
      yield* Effect.promise(async () => {
        await look(url)
        assert.notInclude(await call("swell"), "done")
        await look(url)
      })
    }).pipe(Effect.scoped))

  it.live("serves HTTP on a port of this machine where it is given the network", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const { url } = yield* withEngine({ network: "host", config: { port } })
      yield* Effect.promise(async () => assert.include((await look(url)).environment, "PORT"))
    }).pipe(Effect.scoped))

  it.live("does not start without an engine, and says what to do", () =>
    Effect.gen(function*() {
      const { url } = yield* gateway({ servers: [inside, { ...inside, id: "ported", config: { port: 4000 } }] }, { environment: { DOCKER_HOST: "unix:///nowhere/d.sock" } })
      const said = yield* Effect.promise(() => until(() => statusOf(url), (text) => text.includes("engine"), 20))
      assert.include(said, "the container engine does not answer (start it, or name it in DOCKER_HOST)")
    }).pipe(Effect.scoped))
})

describe.skipIf(noRegistry !== undefined)("an image of a registry", () => {
  it.live("is pinned by digest when its tag is asked for once, and runs as pinned after the tag moved", () =>
    Effect.gen(function*() {
      const own = yield* engine
      const { authority, stop } = yield* registry
      const image = `${authority}/team/inside:1`
      const push = async (from: string) => {
        await own.docker("tag", from, image)
        await own.docker("push", image)
        await own.docker("rmi", image)
      }
      yield* Effect.promise(() => push("local/inside:1"))
      const gate = yield* gateway({ servers: [{ ...inside, image }] }, { environment: { DOCKER_HOST: own.socket } })
      yield* Effect.promise(async () => {
        await look(gate.url)
        // An instance that was replaced is a moment on its way out.
        const runs = async () => own.docker("inspect", "--format", "{{.Config.Image}}", ...await until(own.containers, (names) => names.length === 1, 20))
        const pinned = await runs()
        assert.match(pinned, new RegExp(`^${authority.replaceAll(".", "\\.")}/team/inside@sha256:[0-9a-f]{64}$`, "u"))
        assert.include(readFileSync(join(gate.directory, "data", "resolved.json"), "utf8"), pinned)
        // Somebody moves the tag to another image.
        const container = await own.docker("create", "local/inside:1", "--moved")
        await own.docker("commit", "--change", `ENTRYPOINT ["/usr/bin/node","/app/server.mjs","--moved"]`, container, "local/inside:2")
        await own.docker("rm", container)
        await push("local/inside:2")
        gate.rewrite({ servers: [{ ...inside, image, config: { args: ["--again"] } }] })
        await until(() => look(gate.url), ({ args }) => args.includes("--again"), 20)
        assert.notInclude((await look(gate.url)).args, "--moved")
        assert.strictEqual(await runs(), pinned)
        // The engine has it, so nothing of this needs the registry.
        stop()
        gate.rewrite({ servers: [{ ...inside, image, config: { args: ["--offline"] } }] })
        await until(() => look(gate.url), ({ args }) => args.includes("--offline"), 20)
      })
    }).pipe(Effect.scoped))
})
