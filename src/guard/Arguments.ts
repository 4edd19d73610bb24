/**
 * Conditions on the arguments of one call, read from the text that goes to the server. A key that is
 * there twice, or in another case, or a value of another kind than the condition's, is in doubt.
 */
import { folded } from "../lib/Folded.ts"
import { type Glob, glob } from "../lib/Glob.ts"
import { elements, members } from "../lib/Json.ts"
import type { ConditionEntry, PlainValue, RuleEntry } from "../manifest/AccessRules.ts"
import { applies, judge, type Judged } from "./Judged.ts"

/** Whether a call with these arguments (JSON text, if there are any) is one that the rule speaks of. */
export type Conditions = (effect: "allow" | "deny", text: string | undefined) => boolean

/** `undefined` where a rule asks nothing of arguments. */
export const conditionsOf = ({ arguments: asked }: Pick<RuleEntry, "arguments">): Conditions | undefined => {
  if (asked === undefined) return undefined
  const conditions = Object.entries(asked).map(([path, condition]) => ({ path: path.split("."), test: testOf(condition) }))
  return (effect, text = "{}") =>
    conditions.every(({ path, test }) => {
      const found = valuesAt(text, 0, path)
      // All of a list has to be what is allowed; one is enough of what is denied.
      return effect === "allow" ? found.every((one) => applies(effect, test(one))) : found.some((one) => applies(effect, test(one)))
    })
}

/** A value as JSON text, or that there is none, or that it cannot be told which. */
type Found = { readonly json: string } | "missing" | "unclear"

/** All that a path leads to, with the entries of lists one by one; never nothing. */
const valuesAt = (text: string, start: number, path: ReadonlyArray<string>): ReadonlyArray<Found> => {
  const [key, ...rest] = path
  const list = elements(text, start)
  if (list !== undefined && list.length > 0) return list.flatMap((one) => valuesAt(text.slice(one.start, one.end), 0, path))
  if (key === undefined) return [{ json: text.slice(start) }]
  if (list !== undefined) return ["missing"]
  const found = members(text, start)
  if (found === undefined) return ["unclear"]
  const meant = found.filter((member) => folded(member.key) === folded(key))
  const [only] = meant
  if (only === undefined) return ["missing"]
  return meant.length > 1 || only.key !== key ? ["unclear"] : valuesAt(text.slice(only.start, only.end), 0, rest)
}

type Test = (found: Found) => Judged

const testOf = (condition: PlainValue | ConditionEntry): Test => {
  if (typeof condition === "string") return onValues([fits(glob(condition))])
  if (typeof condition !== "object") return onValues([isOneOf([condition])])
  const { at_least, at_most, equals, exists, matches, one_of } = condition
  if (exists === false) return (found) => found === "unclear" ? "doubt" : found === "missing" ? "yes" : "no"
  return onValues([
    ...(equals === undefined ? [] : [isOneOf([equals])]),
    ...(one_of === undefined ? [] : [isOneOf(one_of)]),
    ...(matches === undefined ? [] : [fits(glob(matches))]),
    ...(at_least === undefined ? [] : [isNumber((value) => value >= at_least)]),
    ...(at_most === undefined ? [] : [isNumber((value) => value <= at_most)])
  ])
}

type ValueTest = (value: unknown) => Judged

/** All tests have to hold; one that does not decides, and then doubt does. */
const onValues = (tests: ReadonlyArray<ValueTest>): Test => (found) => {
  if (found === "missing") return "no"
  if (found === "unclear") return "doubt"
  const value: unknown = JSON.parse(found.json)
  const answers = tests.map((test) => test(value))
  return answers.includes("no") ? "no" : answers.includes("doubt") ? "doubt" : "yes"
}

const fits = (pattern: Glob): ValueTest => (value) => typeof value === "string" ? judge(pattern, value) : "doubt"

const isOneOf = (values: ReadonlyArray<PlainValue>): ValueTest => {
  const kinds = new Set(values.map((value) => typeof value))
  const all = new Set<unknown>(values)
  return (value) => {
    if (all.has(value)) return "yes"
    // A server may well take "5" for 5.
    return [...kinds].some((kind) => kind === typeof value) ? "no" : "doubt"
  }
}

const isNumber = (holds: (value: number) => boolean): ValueTest => (value) =>
  typeof value === "number" && Number.isFinite(value) ? holds(value) ? "yes" : "no" : "doubt"
