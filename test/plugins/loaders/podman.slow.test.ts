/** `engine: podman` before a real podman, which has no daemon: the same promises as with docker. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { until } from "../../kit/calls.ts"
import { argumentsOf, noRegistry, registry } from "../../kit/docker.ts"
import { gateway } from "../../kit/gateway.ts"
import { MAIN } from "../../kit/main.ts"
import { noPodman, podmanWith } from "../../kit/podman.ts"
import { modernCall, post, textOf } from "../../kit/wire.ts"

const missing = noPodman ?? noRegistry
if (missing !== undefined) console.log(`skipped: the docker loader with podman, ${missing}`)

const box = (more: object = {}) => ({ id: "box", type: "docker", engine: "podman", image: "local/inside:1", auth_strategy: "bypass_auth", ...more })

/** What the server sees of where it runs. */
const look = async (url: string) => {
  const { body, headers } = modernCall("box__look", "{}")
  const asked = async () => {
    const reply = await post(url, body, headers)
    return reply.text.includes(`"content"`) ? textOf(reply) : reply.text
  }
  return JSON.parse(await until(asked, (text) => text.startsWith(`{"uid"`), 30))
}

describe.skipIf(missing !== undefined)("a server in a container of podman", () => {
  it.live("sees nothing that it was not given, is gone with the gateway that was killed, and runs the digest that its tag had", () =>
    Effect.gen(function*() {
      const { authority, stop } = yield* registry
      const { containers, environment, podman } = yield* podmanWith(authority)
      const gate = yield* gateway({ servers: [box({ config: { args: ["--flag"], environment: { GREETING: "hello there" } }, limits: { memory: "96 MiB" } })] }, { environment })
      yield* Effect.promise(async () => {
        const seen = await look(gate.url)
        assert.deepInclude(seen, { uid: 65532, interfaces: ["lo"], greeting: "hello there", args: ["--flag"], root: "EROFS", tmp: "done" })
        assert.deepInclude(seen, { CapEff: "0000000000000000", CapBnd: "0000000000000000", NoNewPrivs: "1", Seccomp: "2" })
        const [name = ""] = await containers()
        const { HostConfig } = JSON.parse(await podman("inspect", name))[0]
        assert.deepInclude(HostConfig, { Privileged: false, Memory: 96 * 1024 ** 2, MemorySwap: 96 * 1024 ** 2, PidsLimit: 256, Init: true, NetworkMode: "none", ReadonlyRootfs: true })
        const line = argumentsOf(gate.descendants()).find((text) => text.startsWith("podman run ")) ?? ""
        assert.include(line, "--env GREETING ")
        assert.notInclude(line, "hello there")

        await gate.kill()
        const again = spawn("node", [MAIN, "serve", "--manifest", gate.manifest, "--port", "0"], { env: { ...process.env, ...environment }, stdio: "ignore" })
        await until(containers, (names) => names.length === 1 && names[0] !== name, 30)
        again.kill("SIGTERM")
        await until(containers, (names) => names.length === 0, 30)
      })

      const image = `${authority}/team/inside:1`
      const push = async (from: string) => {
        await podman("tag", from, image)
        await podman("push", "--quiet", image)
        await podman("rmi", image)
      }
      yield* Effect.promise(() => push("local/inside:1"))
      const pinned = yield* gateway({ servers: [box({ image })] }, { environment })
      yield* Effect.promise(async () => {
        await look(pinned.url)
        const kept = readFileSync(join(pinned.directory, "data", "resolved.json"), "utf8")
        const [digest = ""] = new RegExp(`${authority}/team/inside@sha256:[0-9a-f]{64}`, "u").exec(kept) ?? []
        assert.notStrictEqual(digest, "", kept)
        // Somebody moves the tag to another image, and takes the one before it from this engine.
        const container = await podman("create", "local/inside:1", "--moved")
        await podman("commit", "--quiet", "--change", `ENTRYPOINT ["/usr/bin/node","/app/server.mjs","--moved"]`, container, "local/inside:2")
        await podman("rm", container)
        await push("local/inside:2")
        pinned.rewrite({ servers: [box({ image, config: { args: ["--again"] } })] })
        const { args } = await until(() => look(pinned.url), (seen) => seen.args.includes("--again"), 20)
        assert.deepStrictEqual(args, ["--again"])
        stop()
        pinned.rewrite({ servers: [box({ image, config: { args: ["--offline"] } })] })
        await until(() => look(pinned.url), (seen) => seen.args.includes("--offline"), 20)
        await pinned.stop()
        await until(containers, (names) => names.length === 0, 20)
      })
    }).pipe(Effect.scoped), 120_000)
})
