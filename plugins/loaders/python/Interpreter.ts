/** Finds a Python of this machine that is new enough, and says which ones there are where none is. */
import { Effect, Option, Schema } from "effect"
import { Builder, Loader, Plugin } from "#plugin"
import { fits } from "./Specifier.ts"

export interface Interpreter {
  /** The program itself, whatever stands for it on PATH. */
  readonly command: string
  readonly version: string
  /** The version of its pip, where it has one. */
  readonly pip?: string | undefined
}

/** pip that writes reports came with 3.10 and its updates. */
const OLDEST = ">=3.10"

const NAMES = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python"]

const Answer = Schema.fromJsonString(Schema.Struct({ command: Schema.NonEmptyString, version: Schema.NonEmptyString, pip: Schema.optional(Schema.String) }))

const QUESTION = [
  "import json, sys",
  "from importlib import metadata, util",
  "said = {'command': sys.executable, 'version': '.'.join(map(str, sys.version_info[:3]))}",
  "if util.find_spec('pip'): said['pip'] = metadata.version('pip')",
  "print(json.dumps(said))"
].join("\n")

export const interpreterFor = Effect.fnUntraced(function*(source: string, wanted = OLDEST) {
  const { workspace } = yield* Plugin.Host
  const ask = (command: string) =>
    Builder.run({ source, step: "find Python", command, args: ["-I", "-c", QUESTION], directory: workspace, minutes: 1 }).pipe(
      Effect.flatMap(Schema.decodeUnknownEffect(Answer)),
      Effect.option
    )
  const found: Array<string> = []
  for (const name of NAMES) {
    const answer = Option.getOrUndefined(yield* ask(name))
    if (answer === undefined) continue
    if (fits(answer.version, wanted)) return answer
    found.push(answer.version)
  }
  const versions = [...new Set(found)].join(", ")
  return yield* new Loader.LoadFailed({
    source,
    step: "find Python",
    next: "install one, or put it on PATH",
    cause: new Error(versions === "" ? `there is none on PATH, wanted ${wanted}` : `wanted ${wanted}, there is ${versions}`)
  })
})
