/** `manifold audit verify`: whether the records of calls are those that were written, all of them and in their order. */
import { existsSync } from "node:fs"
import { Console, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { type Checked, checkAudit, type Known } from "../observe/AuditCheck.node.ts"
import { auditDirectory } from "../observe/AuditFiles.node.ts"
import { json } from "./Json.ts"
import { kept, placeOf } from "./Kept.ts"
import { counted } from "./Layout.ts"
import { failed, stop, Stopped } from "./Stopped.ts"

const KNOWN = /^(\d{1,15}):([0-9a-f]{64})$/u

const verify = Command.make("verify", {
  known: Flag.String("known").pipe(
    Flag.withMetavar("NUMBER:HASH"),
    Flag.withDescription("A record that was noted elsewhere, as verify printed it: it has to be there unchanged"),
    Flag.optional
  ),
  json,
  ...kept
}, Effect.fnUntraced(function*(input) {
  const given = Option.getOrUndefined(input.known)
  const known = given === undefined ? undefined : knownIn(given)
  if (given !== undefined && known === undefined) return yield* stop(failed, `"${given}" is no record: write NUMBER:HASH, as verify prints them`)
  const { dataDirectory } = yield* placeOf(input)
  const directory = auditDirectory(dataDirectory)
  if (!existsSync(directory)) return yield* stop(failed, `There are no records in ${directory}`)
  const checked = yield* Effect.tryPromise(() => checkAudit(directory, known)).pipe(
    Effect.catch(({ cause }) => stop(failed, `The records cannot be read: ${cause instanceof Error ? cause.message : "unknown"}`))
  )
  yield* Console.log(input.json ? JSON.stringify({ unbroken: checked.broken === undefined, ...checked }, null, 2) : sayChecked(checked).join("\n"))
  if (checked.broken !== undefined) return yield* new Stopped({ code: failed })
})).pipe(
  Command.withDescription(
    "Check the chain of the audit's records; exit code 1 and the place where it breaks. It prints the last record: note it elsewhere, and --known shows later whether anything up to it was changed"
  ),
  Command.withShortDescription("Check the chain of the audit's records"),
  Command.withExamples([{ command: "manifold audit verify -m manifold.yaml", description: "While the gateway runs, or when it does not" }])
)

const knownIn = (text: string): Known | undefined => {
  const [, seq, hash] = KNOWN.exec(text) ?? []
  return seq === undefined || hash === undefined ? undefined : { seq: Number(seq), hash }
}

const sayChecked = ({ broken, files, from, last, lost, records, torn }: Checked): ReadonlyArray<string> => [
  broken === undefined
    ? `unbroken: ${counted(records, "record")} in ${counted(files, "file")}`
    : `broken: ${broken.file}${broken.line === 0 ? "" : `, line ${broken.line}`} ${broken.why}; ${counted(records, "record")} before it ${records === 1 ? "is" : "are"} unbroken`,
  ...(from > 1 ? [`begins with record ${from}: what came before is gone`] : []),
  ...(lost > 0 ? [`${counted(lost, "record")} could not be written at the time, as the gateway says itself`] : []),
  ...(torn ? ["the last line is not whole: it is being written, or the gateway was stopped while it was"] : []),
  ...(last === undefined ? [] : [`last ${last.seq}:${last.hash} of ${last.time}`])
]

export const audit = Command.make("audit").pipe(
  Command.withDescription("Check the records that the gateway keeps of decisions and calls"),
  Command.withSubcommands([verify])
)
