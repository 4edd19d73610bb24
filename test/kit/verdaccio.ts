/** A real npm registry, Verdaccio, on loopback: packages are published to it by npm itself. Where it cannot be installed, the tests say why. */
import { execFile, spawn } from "node:child_process"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { Effect } from "effect"
import { until } from "./calls.ts"
import { freePort } from "./everything.ts"
import { write } from "./gitServer.ts"

const VERSION = "6.10.4"

const npm = (directory: string, ...args: ReadonlyArray<string>) =>
  promisify(execFile)("npm", args, { cwd: directory, timeout: 120_000 })

/** Why it cannot be installed into the folder; nothing when it is there. */
export const installVerdaccio = async (folder: string): Promise<string | undefined> => {
  mkdirSync(folder, { recursive: true })
  // One of its dependencies is asked for by a tag that not every mirror has.
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, dependencies: { verdaccio: VERSION }, overrides: { "node-fetch": "2.7.0" } }))
  return npm(folder, "install", "--no-audit", "--no-fund", "--ignore-scripts").then(() => undefined, ({ message }: Error) => `verdaccio could not be installed: ${message.slice(0, 300)}`)
}

export interface PublishedByNpm {
  readonly name: string
  readonly version: string
  readonly manifest?: object
  readonly files: Readonly<Record<string, string>>
}

/** Runs what is installed in the folder; it has nothing but what is published to it. */
export const verdaccio = Effect.fnUntraced(function*(folder: string) {
  const port = yield* freePort
  const storage = join(folder, "storage")
  const file = join(folder, "config.yaml")
  writeFileSync(file, JSON.stringify({
    storage,
    auth: { htpasswd: { file: join(folder, "htpasswd") } },
    uplinks: {},
    packages: { "**": { access: "$all", publish: "$all" } },
    publish: { allow_offline: true },
    web: { enable: false },
    log: { type: "stdout", level: "warn" }
  }))
  yield* Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, ["node_modules/verdaccio/bin/verdaccio", "-c", file, "-l", `127.0.0.1:${port}`], { cwd: folder, stdio: "ignore" })),
    (child) =>
      Effect.promise(async () => {
        child.kill("SIGTERM")
        await until(() => Promise.resolve(child.exitCode !== null || child.signalCode !== null), (gone) => gone, 10)
      })
  )
  const url = `http://127.0.0.1:${port}/`
  yield* Effect.promise(() => until(() => fetch(`${url}-/ping`).then(({ ok }) => ok, () => false), (ok) => ok, 20))
  const publish = async ({ files, manifest, name, version }: PublishedByNpm) => {
    const place = join(folder, "packages", name, version)
    mkdirSync(place, { recursive: true })
    write(place, { ...files, "package.json": JSON.stringify({ ...manifest, name, version }) })
    await npm(place, "publish", "--registry", url, `--//127.0.0.1:${port}/:_authToken=any`)
  }
  /** Changes the archive that it has of a package, as somebody would who got into it. */
  const tamper = (name: string, version: string) => {
    const archive = join(storage, name, `${name}-${version}.tgz`)
    const bytes = readFileSync(archive)
    bytes[bytes.length - 10] = (bytes[bytes.length - 10] ?? 0) ^ 0xff
    writeFileSync(archive, bytes)
  }
  return { url, publish, tamper }
})
