/**
 * The image of the Dockerfile, with the files of manifests/deploy: built by a real engine, run by compose, fed from registries
 * on loopback. Its settings are those of compose.yaml but for the network, which is this machine's.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { chownSync, copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { parse, stringify } from "yaml"
import { until } from "../kit/calls.ts"
import { engine } from "../kit/docker.ts"
import { freePort } from "../kit/everything.ts"
import { temporaryDirectory } from "../kit/gateway.ts"
import { buildImage, noImage } from "../kit/image.ts"
import { npmRegistryWith } from "../kit/npmRegistry.ts"
import { keyTextOf } from "../kit/verbs.ts"
import { wheelIndexWith } from "../kit/wheelIndex.ts"
import { modernCall, post, textOf } from "../kit/wire.ts"

const COMPOSE = "/usr/bin/docker-compose"
const missing = noImage ?? (existsSync(COMPOSE) ? undefined : `there is no ${COMPOSE}: apt-get install docker-compose`)
if (missing !== undefined) console.log(`skipped: the image of the Dockerfile, ${missing}`)

/** The packages of manifests/deploy/gateway.yaml, with servers that say where they are. */
const registries = Effect.all({
  npm: npmRegistryWith({
    name: "@modelcontextprotocol/server-memory",
    version: "2026.8.31",
    manifest: { type: "module", bin: { memory: "server.mjs" } },
    files: { "server.mjs": `#!/usr/bin/env node\n${readFileSync("test/fixtures/servers/inside.mjs", "utf8")}` }
  }),
  pypi: wheelIndexWith({
    name: "mcp-server-time",
    version: "2026.1.2",
    files: { "clock.py": readFileSync("test/fixtures/servers/plain.py", "utf8") },
    scripts: { "mcp-server-time": "clock:main" }
  })
})

/** compose.yaml as it stands, on the network of this machine, because the engine of the test has no other. */
const composeIn = (folder: string, environment: Readonly<Record<string, string>>) => {
  const { secrets, services: { gateway: { build: _build, ports: _ports, ...gateway } }, volumes } = parse(readFileSync("manifests/deploy/compose.yaml", "utf8"))
  const service = { ...gateway, network_mode: "host", environment: { ...gateway.environment, ...environment } }
  writeFileSync(join(folder, "compose.yaml"), stringify({ services: { gateway: service }, volumes, secrets }))
  copyFileSync("manifests/deploy/gateway.yaml", join(folder, "gateway.yaml"))
  writeFileSync(join(folder, "vault_key"), keyTextOf(7), { mode: 0o600 })
  chownSync(join(folder, "vault_key"), 65532, 65532)
}

/** A started composition; what it keeps is gone with the engine. */
const composed = Effect.gen(function*() {
  const own = yield* engine
  const { npm, pypi } = yield* registries
  const port = yield* freePort
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => temporaryDirectory("manifold-deploy-")),
    (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
  )
  yield* Effect.promise(() => buildImage(own.socket, "manifold"))
  composeIn(folder, { PORT: String(port), GATEWAY_URL: `http://127.0.0.1:${port}`, NPM_REGISTRY: npm.url, PYPI_INDEX: pypi.url })
  const compose = async (...args: ReadonlyArray<string>) =>
    (await promisify(execFile)(COMPOSE, ["--project-name", "m", ...args], { cwd: folder, env: { ...process.env, DOCKER_HOST: own.socket } })).stdout.trim()
  const state = async () => JSON.parse(await own.docker("inspect", "--format", "{{json .State}}", "m_gateway_1"))
  const healthy = () =>
    until(state, ({ Health }) => Health?.Status === "healthy", 60).catch(async (cause) => {
      throw new Error(`${cause}: ${await compose("logs", "--no-color")}`)
    })
  const manifold = (...args: ReadonlyArray<string>) => compose("exec", "-T", "gateway", "manifold", ...args)
  return { ...own, compose, folder, healthy, manifold, npm, port, pypi, state }
})

describe.skipIf(missing !== undefined)("the image", () => {
  it.live("runs servers of npm and PyPI as nobody, keeps what they are on its volume, and stops when it is told", () =>
    Effect.gen(function*() {
      const { compose, docker, folder, healthy, manifold, npm, port, pypi, state } = yield* composed
      yield* Effect.promise(async () => {
        await compose("up", "-d")
        await healthy()
        const key = await manifold("keys", "create", "--name", "desk", "-m", "/etc/manifold/manifold.yaml")
        const call = async (name: string, args: object = {}) => {
          const { body, headers } = modernCall(name, JSON.stringify(args))
          const reply = await post(`http://127.0.0.1:${port}/mcp`, body, { ...headers, authorization: `Bearer ${key}` })
          return reply.text.includes(`"content"`) ? textOf(reply) : reply.text
        }
        assert.deepInclude(JSON.parse(await call("memory__look")), { uid: 65532, CapEff: "0000000000000000", NoNewPrivs: "1", root: "EROFS" })
        await until(() => call("time__reverse", { text: "emit" }), (text) => text === "time", 30)
        assert.strictEqual(await docker("exec", "m_gateway_1", "stat", "-c", "%u %a", "/data"), "65532 700")
        await call("memory__write", { path: "/data/servers/memory/memory.jsonl" })

        const asked = [...npm.requests, ...pypi.requests].length
        const began = performance.now()
        await docker("stop", "m_gateway_1")
        assert.strictEqual((await state()).ExitCode, 0, "SIGTERM ended it, not SIGKILL")
        assert.isBelow(performance.now() - began, 5000)
        await compose("rm", "--force")
        await compose("up", "-d")
        await healthy()
        assert.strictEqual(await until(() => call("memory__read", { path: "/data/servers/memory/memory.jsonl" }), (text) => text.startsWith(`"`), 20), `"written inside"`)
        await until(() => call("time__reverse", { text: "emit" }), (text) => text === "time", 20)
        assert.lengthOf([...npm.requests, ...pypi.requests], asked, "the volume has what was fetched")

        writeFileSync(join(folder, "wrong.yaml"), "version: 1\nsevers: []\n")
        const check = (file: string) =>
          docker("run", "--rm", "--network", "none", "--volume", `${join(folder, file)}:/m.yaml:ro`, "manifold", "check", "/m.yaml").catch((failed) => `${failed.code}: ${failed.stderr}`)
        assert.include(await check("gateway.yaml"), "2 servers")
        assert.match(await check("wrong.yaml"), /^78: [^]*severs/u)
      })
    }).pipe(Effect.scoped), 600_000)
})
