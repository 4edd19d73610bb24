/** What the host tells plugins on Node. The environment is built from nothing but what a builder's network needs. */
import { Effect, FileSystem, Layer, Path } from "effect"
import { Plugin } from "#plugin"
import { treeHash, treeLines } from "./Tree.node.ts"

const FOR_BUILDERS = [
  "PATH",
  "LANG",
  "TMPDIR",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR"
]

const FOR_ENGINES = [
  ...["PATH", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"],
  // podman has no daemon that would know where its images are: its client does, by these and by its home.
  ...["HOME", "XDG_RUNTIME_DIR", "CONTAINER_HOST", "CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF", "CONTAINERS_REGISTRIES_CONF", "REGISTRY_AUTH_FILE"]
]

const only = (names: ReadonlyArray<string>) =>
  Object.fromEntries(names.flatMap((name) => process.env[name] === undefined ? [] : [[name, process.env[name]]]))

export interface HostOptions {
  /** Folder of the manifest. */
  readonly directory: string
  readonly dataDirectory: string
}

export const hostLayer = ({ directory, dataDirectory }: HostOptions) =>
  Layer.effect(Plugin.Host, Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const workspace = path.resolve(dataDirectory, "tools")
    yield* files.makeDirectory(workspace, { recursive: true, mode: 0o700 })

    return Plugin.Host.of({
      directory: path.resolve(directory),
      workspace,
      node: process.execPath,
      environment: only(FOR_BUILDERS),
      engine: only(FOR_ENGINES),
      treeHash: (folder, leftOut) => Effect.map(Effect.tryPromise(() => treeLines(folder, leftOut)), treeHash)
    })
  }))
