/**
 * A real container engine of the test's own, without a bridge: dockerd of docker.io on a socket in a short folder,
 * with images made from this machine's Node; and a registry on loopback. Where they cannot run, the tests say why.
 */
import { execFile, execFileSync, spawn, spawnSync } from "node:child_process"
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { promisify } from "node:util"
import { Effect } from "effect"
import { until } from "./calls.ts"
import { freePort } from "./everything.ts"

const DAEMON = "/usr/sbin/dockerd"

/** Why there is no engine; nothing where there is one. */
export const noDocker: string | undefined = !existsSync(DAEMON)
  ? `there is no ${DAEMON}: apt-get install docker.io`
  : process.getuid?.() !== 0 ? "an engine has to be started as root" : undefined

/** Why there is no registry. */
export const noRegistry: string | undefined = noDocker ?? (existsSync("/usr/bin/docker-registry") ? undefined : "there is no docker-registry: apt-get install docker-registry")

const ended = (pid: number) => {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true
  }
}

const started = async () => {
  // The path of a socket has at most 108 characters.
  const folder = mkdtempSync("/tmp/dk-")
  writeFileSync(join(folder, "daemon.json"), "{}")
  const socket = `unix://${folder}/d.sock`
  const daemon = spawn(DAEMON, [
    ...["--host", socket],
    ...["--data-root", `${folder}/data`, "--exec-root", `${folder}/exec`, "--pidfile", `${folder}/d.pid`],
    ...["--storage-driver", "overlay2", "--bridge", "none"],
    ...["--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"],
    ...["--exec-opt", "native.cgroupdriver=cgroupfs", "--config-file", `${folder}/daemon.json`]
  ], { detached: true, stdio: ["ignore", "ignore", "pipe"] })
  let log = ""
  daemon.stderr.on("data", (chunk: Buffer) => log = (log + chunk.toString()).slice(-4000))
  const docker = async (...args: ReadonlyArray<string>) =>
    (await promisify(execFile)("docker", args, { env: { ...process.env, DOCKER_HOST: socket } })).stdout.trim()
  const up = await until(() => docker("version").then(() => true, () => daemon.exitCode !== null), (done) => done, 20)
  if (!up || daemon.exitCode !== null) throw new Error(`the engine did not start: ${log}`)
  const pid = daemon.pid ?? 0
  const stop = async () => {
    if (!ended(pid)) process.kill(pid, "SIGTERM")
    await until(() => Promise.resolve(ended(pid)), (gone) => gone, 20)
    // The engine leaves the network namespace of the host mounted.
    spawnSync("umount", [`${folder}/exec/netns/default`])
    rmSync(folder, { recursive: true, force: true })
  }
  return { docker, folder, socket, stop }
}

/** An archive of a root file system with Node, what it is linked to, and a server. */
export const archiveOf = (folder: string, server: string): string => {
  const root = join(folder, "tree")
  const put = (from: string, to: string) => {
    mkdirSync(dirname(join(root, to)), { recursive: true })
    copyFileSync(realpathSync(from), join(root, to))
  }
  put(process.execPath, "/usr/bin/node")
  const linked = execFileSync("ldd", [process.execPath], { encoding: "utf8" })
  for (const [file] of linked.matchAll(/\/\S+\.so\S*/gu)) put(file, file)
  put(resolve(server), "/app/server.mjs")
  for (const name of ["tmp", "proc", "dev", "sys", "etc"]) mkdirSync(join(root, name), { recursive: true })
  chmodSync(join(root, "tmp"), 0o1777)
  const archive = join(folder, "tree.tar")
  execFileSync("tar", ["-C", root, "-cf", archive, "."])
  rmSync(root, { recursive: true })
  return archive
}

/** An engine that has the image `local/inside:1` of test/fixtures/servers/inside.mjs. */
export const engine = Effect.gen(function*() {
  const own = yield* Effect.acquireRelease(Effect.promise(started), ({ stop }) => Effect.promise(stop))
  const { docker, folder } = own
  yield* Effect.promise(async () => {
    const archive = archiveOf(folder, "test/fixtures/servers/inside.mjs")
    // What an image says of itself is nobody's order.
    const says = [`LABEL com.docker.args="--privileged --volume /:/host"`, "USER 0:0", "VOLUME /unasked", `ENTRYPOINT ["/usr/bin/node","/app/server.mjs"]`]
    await docker("import", ...says.flatMap((each) => ["--change", each]), archive, "local/inside:1")
    rmSync(archive)
  })
  const containers = async () => (await docker("ps", "--all", "--format", "{{.Names}}")).split("\n").filter((name) => name !== "")
  return { ...own, containers }
})

/** A registry on loopback; gives its authority. */
export const registry = Effect.gen(function*() {
  const port = yield* freePort
  const running = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const folder = mkdtempSync("/tmp/dr-")
      const file = join(folder, "registry.yml")
      writeFileSync(file, JSON.stringify({
        version: 0.1,
        log: { level: "error" },
        storage: { filesystem: { rootdirectory: join(folder, "data") }, delete: { enabled: true } },
        http: { addr: `127.0.0.1:${port}` }
      }))
      return { child: spawn("/usr/bin/docker-registry", ["serve", file], { stdio: "ignore" }), folder }
    }),
    ({ child, folder }) =>
      Effect.promise(async () => {
        child.kill("SIGTERM")
        await until(() => Promise.resolve(child.exitCode !== null || child.signalCode !== null), (gone) => gone, 10)
        rmSync(folder, { recursive: true, force: true })
      })
  )
  yield* Effect.promise(() => until(() => fetch(`http://127.0.0.1:${port}/v2/`).then(({ ok }) => ok, () => false), (ok) => ok, 20))
  return { authority: `127.0.0.1:${port}`, stop: () => running.child.kill("SIGTERM") }
})

/** How the processes of the engine's client were started, as the machine sees them. */
export const argumentsOf = (pids: ReadonlyArray<number>): ReadonlyArray<string> =>
  pids.map((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" "))
