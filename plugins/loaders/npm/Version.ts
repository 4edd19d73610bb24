/** Which version a package is asked for at: an exact one as it is, a range, a tag or nothing by asking the registry. */
import { Effect, Option, Schema } from "effect"
import { failed, type Running, runNpm } from "./Npm.ts"

export const EXACT = /^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/u

const Answer = Schema.fromJsonString(Schema.Union([Schema.String, Schema.NonEmptyArray(Schema.String)]))
const decode = Schema.decodeUnknownOption(Answer)

/** The newest version that a specifier means; what the registry lists last is the newest. */
export const versionFor = Effect.fnUntraced(function*(asking: Running & { readonly name: string }, specifier: string) {
  if (EXACT.test(specifier)) return specifier
  const said = yield* runNpm(asking, "view", ["--json", "--", `${asking.name}@${specifier}`, "version"])
  const answer = Option.getOrUndefined(decode(said.trim()))
  const version = typeof answer === "string" ? answer : answer?.at(-1)
  return version !== undefined && EXACT.test(version)
    ? version
    : yield* failed(asking, "find the version", "check the version: the registry has none like it")(new Error(`"${specifier}" means no version`))
})
