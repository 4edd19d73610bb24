/** Manifests as text for tests: written to a folder of their own and loaded from there. */
import { Effect, FileSystem, Path } from "effect"
import { load } from "../../src/manifest/Load.ts"
import { sayProblem } from "../../src/manifest/Problem.ts"

export interface Given {
  readonly environment?: Readonly<Record<string, string>>
  readonly set?: ReadonlyArray<string>
}

/** Each text becomes a file, `1.yaml`, `2.yaml`, ..., in the order given. */
export const filesWith = Effect.fnUntraced(function*(texts: ReadonlyArray<string>) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = yield* files.makeTempDirectoryScoped()
  return yield* Effect.forEach(texts, (text, index) => {
    const file = path.join(folder, `${index + 1}.yaml`)
    return Effect.as(files.writeFileString(file, text), file)
  })
}, Effect.orDie)

export const loadTexts = Effect.fnUntraced(function*(texts: ReadonlyArray<string>, { environment = {}, set = [] }: Given = {}) {
  return yield* load({ files: yield* filesWith(texts), environment, set })
}, Effect.scoped)

/** The mistakes as they are printed, folders left out. */
export const mistakesOf = (texts: ReadonlyArray<string>, given?: Given) =>
  loadTexts(texts, given).pipe(
    Effect.flip,
    Effect.map(({ problems }) => problems.map(sayProblem).map((line) => line.replace(/^\S*\/(?=\d\.yaml)/u, "")))
  )

/** A manifest with one server; `lines` are further lines of it, indented by four. */
export const serverWith = (...lines: ReadonlyArray<string>) =>
  ["version: 1", "servers:", "  - id: a", "    type: local", "    auth_strategy: bypass_auth", ...lines.map((line) => `    ${line}`), ""].join("\n")
