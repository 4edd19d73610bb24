/**
 * A package with all that it brings along, each by its version and the hashes its wheels may have: asked for
 * once, kept in the pin, and installed from there without another question.
 */
import { Effect, FileSystem, Path, Schema } from "effect"
import { Builder, Loader } from "#plugin"
import { hashesOf } from "./Index.ts"
import { normal } from "./Names.ts"
import { ENVIRONMENT, installOptions, type Pip, runPip } from "./Pip.ts"
import { installedByUv } from "./Uv.ts"

const Report = Schema.fromJsonString(Schema.Struct({
  install: Schema.Array(Schema.Struct({
    metadata: Schema.Struct({ name: Schema.String, version: Schema.String }),
    is_direct: Schema.optionalKey(Schema.Boolean),
    download_info: Schema.Struct({
      dir_info: Schema.optionalKey(Schema.Unknown),
      archive_info: Schema.optionalKey(Schema.Struct({
        hash: Schema.optionalKey(Schema.String),
        hashes: Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
      }))
    })
  }))
}))

/** The key of a wheel in a pin; other keys say other things. */
const WHEEL = /^[a-z0-9]+(?:-[a-z0-9]+)*==[0-9a-z.!+]+$/u
const SHA256 = /^sha256:[0-9a-f]{64}(?: sha256:[0-9a-f]{64})*$/u

/** Asks the index what requirements come to; installs nothing. A folder among them is what is built itself, and is left out. */
export const wheelsFor = Effect.fnUntraced(function*(pip: Pip, requirements: ReadonlyArray<string>) {
  const text = yield* runPip(pip, ["install", "--dry-run", "--ignore-installed", "--report=-", ...installOptions(pip), ...requirements])
  const { install } = yield* Effect.mapError(Schema.decodeUnknownEffect(Report)(text), failed(pip, "read pip's report", "update Python: its pip is older than 22.3"))
  const chosen: Array<readonly [wheel: string, hash: string]> = []
  const folder = install.find(({ download_info, is_direct = false }) => is_direct && "dir_info" in download_info)
  for (const one of install) {
    if (one === folder) continue
    const { download_info: { archive_info }, is_direct = false, metadata } = one
    const key = `${normal(metadata.name)}==${metadata.version}`
    const hash = archive_info?.hashes?.["sha256"] ?? archive_info?.hash?.replace(/^sha256=/u, "") ?? ""
    if (is_direct || !WHEEL.test(key) || !SHA256.test(`sha256:${hash}`)) {
      return yield* failed(pip, "verify", "take all packages from an index that gives sha256 hashes")(new Error(`${key} ${is_direct ? "does not come from the index" : "has no hash"}`))
    }
    chosen.push([key, `sha256:${hash}`])
  }
  const wheels = yield* Effect.forEach(chosen, ([wheel, hash]) =>
    Effect.map(hashesOf(pip.index, wheel, hash), (hashes) => [wheel, hashes] as const), { concurrency: 8 })
  return Object.fromEntries(wheels)
})

/** What of a pin is wheels. */
export const wheelsIn = (pin: Loader.Pin): ReadonlyArray<readonly [wheel: string, hash: string]> => Object.entries(pin).filter(([key]) => WHEEL.test(key))

/** An empty environment; pip is not in it. */
export const makeVenv = Effect.fnUntraced(function*({ interpreter, source }: Pip, venv: string) {
  const path = yield* Path.Path
  yield* Builder.run({
    source,
    step: "python -m venv",
    command: interpreter.command,
    args: ["-I", "-m", "venv", "--without-pip", venv],
    directory: path.dirname(venv),
    environment: ENVIRONMENT
  })
  return path.join(venv, "bin", "python")
})

/** Installs exactly these wheels into an environment, each of which has to have its hash. */
export const installWheels = Effect.fnUntraced(function*(pip: Pip, pin: Loader.Pin, venv: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const wheels = wheelsIn(pin)
  if (wheels.length === 0) return
  const odd = wheels.find(([, hash]) => !SHA256.test(hash))
  if (odd !== undefined) return yield* failed(pip, "read the lock", "write it anew with manifold lock")(new Error(`${odd[0]} has no sha256`))
  const list = path.join(venv, "requirements.txt")
  yield* Effect.mapError(
    files.writeFileString(list, wheels.map(([wheel, hashes]) => `${wheel} --hash=${hashes.replaceAll(" ", " --hash=")}\n`).join("")),
    failed(pip, "write requirements.txt", "check the data directory")
  )
  const python = path.join(venv, "bin", "python")
  if (yield* installedByUv(pip, list, python)) return
  yield* runPip(pip, ["install", "--no-deps", "--require-hashes", ...installOptions(pip), `--requirement=${list}`], python)
})

const failed = ({ source }: Pip, step: string, next: string) => (cause: unknown) => new Loader.LoadFailed({ source, step, next, cause })
