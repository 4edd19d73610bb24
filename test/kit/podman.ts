/**
 * podman with a store of the test's own: it has no daemon, so all that makes it another engine is in the files that its
 * environment names. Where it cannot run, the tests say why.
 */
import { execFile } from "node:child_process"
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { Effect } from "effect"
import { archiveOf } from "./docker.ts"

const NEEDED = ["/usr/bin/podman", "/usr/bin/catatonit", "/usr/sbin/runc"]

/** Why there is no podman; nothing where there is. */
export const noPodman: string | undefined = NEEDED.every((file) => existsSync(file))
  ? process.getuid?.() !== 0 ? "podman is only tried as root" : undefined
  : `there is no ${NEEDED.find((file) => !existsSync(file))}: apt-get install podman catatonit runc`

/** podman raises the number of processes to a million, which a root without CAP_SYS_RESOURCE may not: this leaves it as it is. */
const RUNTIME = `#!/bin/sh
for each in "$@"; do
  [ "$before" = --bundle ] && sed -i 's/{"type":"RLIMIT_NPROC",[^}]*},\\{0,1\\}//; s/,\\]/]/' "$each/config.json"
  before=$each
done
exec /usr/sbin/runc "$@"
`

const made = (authority: string) => {
  const folder = mkdtempSync(join(tmpdir(), "pm-"))
  const put = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  chmodSync(put("runc", RUNTIME), 0o755)
  const environment = {
    CONTAINERS_CONF: put("containers.conf", `[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n[engine.runtimes]\nrunc = ["${folder}/runc"]\n`),
    CONTAINERS_STORAGE_CONF: put("storage.conf", `[storage]\ndriver = "overlay"\ngraphroot = "${folder}/root"\nrunroot = "${folder}/run"\n`),
    CONTAINERS_REGISTRIES_CONF: put("registries.conf", `[[registry]]\nlocation = "${authority}"\ninsecure = true\n`)
  }
  const podman = async (...args: ReadonlyArray<string>) =>
    (await promisify(execFile)("podman", args, { env: { ...process.env, ...environment } })).stdout.trim()
  return { environment, folder, podman }
}

/** An engine that has the image `local/inside:1` of test/fixtures/servers/inside.mjs, and takes images of this registry. */
export const podmanWith = Effect.fnUntraced(function*(authority: string) {
  const { environment, folder, podman } = yield* Effect.acquireRelease(
    Effect.sync(() => made(authority)),
    ({ folder, podman }) =>
      Effect.promise(async () => {
        await podman("system", "reset", "--force").catch(() => {})
        rmSync(folder, { recursive: true, force: true })
      })
  )
  yield* Effect.promise(async () => {
    const archive = archiveOf(folder, "test/fixtures/servers/inside.mjs")
    await podman("import", "--change", "USER 0:0", "--change", `ENTRYPOINT ["/usr/bin/node","/app/server.mjs"]`, archive, "local/inside:1")
    rmSync(archive)
  })
  const containers = async () => (await podman("ps", "--all", "--format", "{{.Names}}")).split("\n").filter((name) => name !== "")
  return { containers, environment, podman }
})
