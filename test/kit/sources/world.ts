/** Where the servers of manifests/examples/every-loader.yaml come from: real registries of the test's own, which `move` makes newer. */
import { Effect } from "effect"
import { readFileSync, rmSync } from "node:fs"
import { bundleOf } from "../bundle.ts"
import { engine, noRegistry, registry } from "../docker.ts"
import { freePort, startConformance } from "../everything.ts"
import { temporaryDirectory } from "../gateway.ts"
import { commitTo, gitIn, gitServer, publish, workingCopy } from "../gitServer.ts"
import { loopback } from "../loopback.ts"
import { mcpRegistry } from "../mcpRegistry.ts"
import { npmRegistryWith } from "../npmRegistry.ts"
import { wheelIndexWith } from "../wheelIndex.ts"

export const HELLO = readFileSync("manifests/examples/servers/hello.mjs", "utf8")
const PLAIN = readFileSync("test/fixtures/servers/plain.py", "utf8")

const packageSaying = (greeting: string, version: string) => ({
  name: "@modelcontextprotocol/server-everything",
  version,
  manifest: { type: "module", bin: { everything: "server.mjs" } },
  files: { "server.mjs": `#!/usr/bin/env node\n${HELLO.replace("\"Hello\"", JSON.stringify(greeting))}` }
})
const wheelSaying = (answer: string, version: string) => ({
  name: "mcp-server-time",
  version,
  files: { "clock.py": PLAIN.replace(`params["arguments"]["text"][::-1]`, JSON.stringify(answer)) },
  scripts: { "mcp-server-time": "clock:main" }
})
const entryOf = (registryBaseUrl: string, version: string) => ({
  name: "io.github.example/server",
  version,
  packages: [{ registryType: "npm", registryBaseUrl, identifier: "@modelcontextprotocol/server-everything", version, transport: { type: "stdio" } }]
})
const bundleSaying = (greeting: string) =>
  bundleOf({ server: { type: "node", entry_point: "server.mjs", mcp_config: { command: "node", args: ["${__dirname}/server.mjs"] } } }, [{ path: "server.mjs", text: HELLO.replace("\"Hello\"", JSON.stringify(greeting)) }])
const repositorySaying = (answer: string) => ({ "server/server.py": PLAIN.replace(`params["arguments"]["text"][::-1]`, JSON.stringify(answer)) })

export const folder = Effect.acquireRelease(
  Effect.sync(() => temporaryDirectory("manifold-every-")),
  (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
)

/** Where everything comes from; `move` puts something newer under each name. */
export const world = Effect.gen(function*() {
  const place = yield* folder
  const copy = `${place}/copy`
  workingCopy(copy, repositorySaying("first"))
  gitIn(copy, "tag", "v1.0.0")
  publish(copy, `${place}/bare/server.git`)
  const git = yield* gitServer(`${place}/bare`)
  const npm = yield* npmRegistryWith(packageSaying("first", "2026.8.31"))
  const pypi = yield* wheelIndexWith(wheelSaying("first", "2026.1.1"))
  const entries = yield* mcpRegistry
  entries.publish(entryOf(npm.url, "2026.8.31"))
  const bundle = yield* bundleSaying("first")
  const bundles = yield* loopback(() => (_, response) => void response.end(bundle))
  const port = yield* freePort
  yield* Effect.acquireRelease(Effect.promise(() => startConformance("modern", port)), ({ stop }) => Effect.promise(stop))
  const docker = noRegistry === undefined ? yield* imagesIn : undefined
  const move = Effect.gen(function*() {
    commitTo(copy, repositorySaying("second"))
    gitIn(copy, "tag", "--force", "v1.0.0")
    publish(copy, `${place}/bare/server.git`)
    npm.publish(packageSaying("second", "2026.9.1"))
    yield* pypi.publish(wheelSaying("second", "2026.2.0"))
    entries.publish(entryOf(npm.url, "2026.9.1"))
    yield* docker?.move ?? Effect.void
  })
  const environment = {
    GIT_URL: git.url("server.git"),
    NPM_REGISTRY: npm.url,
    PYPI_INDEX: pypi.url,
    MCP_REGISTRY: entries.url,
    BUNDLE_URL: `${bundles.origin}/server.mcpb`,
    REMOTE_URL: `http://127.0.0.1:${port}/mcp`,
    IMAGE: docker?.image ?? "local/none",
    ...(docker === undefined ? { MANIFOLD__SERVERS__FROM_DOCKER__ENABLED: "false" } : { DOCKER_HOST: docker.socket })
  }
  return { docker, environment, move }
})

/** An engine with a registry, whose image says the first argument that it has itself. */
const imagesIn = Effect.gen(function*() {
  const { containers, docker, folder, socket } = yield* engine
  const { authority } = yield* registry
  const image = `${authority}/team/server:1`
  const push = (said: string) =>
    Effect.promise(async () => {
      const container = await docker("create", "local/inside:1")
      await docker("commit", "--change", `ENTRYPOINT ["/usr/bin/node","/app/server.mjs","${said}"]`, container, image)
      await docker("rm", container)
      await docker("push", image)
      await docker("rmi", image)
    })
  yield* push("first")
  return { containers, folder, image, move: push("second"), socket }
})
