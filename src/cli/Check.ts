/** `manifold check FILE...`: says every mistake in a manifest, or what it comes to. */
import { Console, Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { sayEffective } from "../manifest/Effective.ts"
import { draft, type Loaded, loaded } from "../manifest/Load.ts"
import type { ManifestInvalid } from "../manifest/Problem.ts"
import { BuiltIn } from "./BuiltIn.ts"
import { json } from "./Json.ts"
import { problemsOfParts } from "./PluginParts.ts"
import { Stopped, wrongConfiguration } from "./Stopped.ts"

interface Input {
  readonly files: ReadonlyArray<string>
  readonly set: ReadonlyArray<string>
}

/** `--set KEY=VALUE`, as often as needed; `serve` takes it too. */
export const set = Flag.String("set").pipe(
  Flag.withMetavar("KEY=VALUE"),
  Flag.withDescription("Override one value of the manifest, such as routing.timeout=10s or servers.files.enabled=false"),
  Flag.atLeast(0)
)

/** The manifest with every part of it accepted, plugins' own parts included; `plan` takes it too. */
export const accepted = Effect.fnUntraced(function*({ files, set }: Input) {
  const builtIn = yield* BuiltIn
  const found = yield* draft({ files, environment: process.env, set })
  const problems = yield* problemsOfParts(builtIn, found)
  return yield* loaded({ ...found, problems: [...found.problems, ...problems] })
})

/** Says every mistake: on standard error, or as JSON on standard output. */
export const refuse = ({ message, problems }: ManifestInvalid, json: boolean) =>
  Effect.andThen(
    json ? Console.log(JSON.stringify({ valid: false, problems }, null, 2)) : Console.error(message),
    Effect.fail(new Stopped({ code: wrongConfiguration }))
  )

const sayAccepted = ({ effective, files, manifest }: Loaded, how: { readonly effective: boolean; readonly json: boolean }) => {
  const running = manifest.servers.filter(({ enabled }) => enabled).length
  if (how.json) return JSON.stringify({ valid: true, problems: [], ...(how.effective ? { effective } : {}) }, null, 2)
  return how.effective ? sayEffective(effective) : `${files.join(", ")}: valid, ${running} ${running === 1 ? "server" : "servers"}`
}

export const check = Command.make("check", {
  files: Argument.String("file").pipe(
    Argument.withDescription("Manifest; later files override earlier ones"),
    Argument.atLeast(1)
  ),
  effective: Flag.Boolean("effective").pipe(
    Flag.withDescription("Print every value and where it comes from, secrets hidden"),
    Flag.withDefault(false)
  ),
  json,
  set
}, (input) =>
  accepted(input).pipe(
    Effect.flatMap((loaded) => Console.log(sayAccepted(loaded, input))),
    Effect.catchTag("ManifestInvalid", (invalid) => refuse(invalid, input.json))
  )).pipe(
    Command.withDescription("Check a manifest; exit code 78 and a list of its mistakes when it cannot be used"),
    Command.withExamples([
      { command: "manifold check manifests/gateway.yaml", description: "Say whether the manifest can be used" },
      { command: "manifold check base.yaml prod.yaml --effective", description: "Say what two files come to" }
    ])
  )
