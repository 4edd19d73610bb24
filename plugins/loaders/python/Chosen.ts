/** What pip chooses of an index for some requirements, from the report that it writes instead of installing. */
import { Effect, Schema } from "effect"
import { Loader } from "#plugin"
import { normal } from "./Names.ts"
import { installOptions, type Pip, runPip } from "./Pip.ts"

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
export const WHEEL = /^[a-z0-9]+(?:-[a-z0-9]+)*==[0-9a-z.!+]+$/u
export const SHA256 = /^sha256:[0-9a-f]{64}(?: sha256:[0-9a-f]{64})*$/u

export type Chosen = ReadonlyArray<readonly [wheel: string, hash: string]>

/** Each with the hash of the wheel that it would take. A folder among the requirements is what is built itself, and is left out. */
export const chosenFor = Effect.fnUntraced(function*(pip: Pip, requirements: ReadonlyArray<string>) {
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
  return chosen
})

const failed = ({ source }: Pip, step: string, next: string) => (cause: unknown) => new Loader.LoadFailed({ source, step, next, cause })
