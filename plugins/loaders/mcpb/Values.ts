/** `user_config` of a bundle with the inputs of the manifest: each of the type it asks for, and those that it needs there. */
import { Effect, Path } from "effect"
import { Plugin } from "#plugin"
import { givenIn, type Inputs } from "../inputs/Inputs.ts"
import type { Manifest, Wanted } from "./Manifest.ts"

/** By the name of the input; nothing for one that was not given and need not be. */
export type Values = ReadonlyMap<string, { readonly texts: ReadonlyArray<string> | undefined; readonly isSecret: boolean }>

/** Folders of a person's own, which a gateway has none of. */
const PERSONAL = /\$\{(?:HOME|DESKTOP|DOCUMENTS|DOWNLOADS)\}/u

export const valuesFor = Effect.fnUntraced(function*({ user_config = {} }: Manifest, inputs: Inputs) {
  const path = yield* Path.Path
  const { directory } = yield* Plugin.Host
  const values = new Map<string, { readonly texts: ReadonlyArray<string> | undefined; readonly isSecret: boolean }>()
  const known = Object.keys(user_config)
  const problems = Object.keys(inputs).filter((name) => !known.includes(name))
    .map((name) => `inputs.${name} is not asked for${known.length === 0 ? "" : `: there ${known.length === 1 ? "is" : "are"} ${known.join(", ")}`}`)
  for (const [name, wanted] of Object.entries(user_config)) {
    const texts = givenIn(inputs, name) ?? defaultOf(wanted)
    const why = texts === undefined ? missing(wanted) : mistake(wanted, texts)
    if (why !== undefined) problems.push(`inputs.${name} ${why}${sayOf(wanted)}`)
    const isPath = wanted.type === "directory" || wanted.type === "file"
    values.set(name, { texts: isPath ? texts?.map((text) => path.resolve(directory, text)) : texts, isSecret: wanted.sensitive === true })
  }
  return { problems, values }
})

const defaultOf = ({ default: value }: Wanted): ReadonlyArray<string> | undefined => {
  const texts = value === undefined ? undefined : Array.isArray(value) ? value : [String(value)]
  return texts?.some((text) => PERSONAL.test(text)) === true ? undefined : texts
}

const missing = ({ required = false }: Wanted) => required ? "is missing" : undefined

const mistake = ({ max = Infinity, min = -Infinity, multiple = false, type }: Wanted, texts: ReadonlyArray<string>): string | undefined => {
  if (texts.length !== 1 && !multiple) return "takes one value"
  const [text = ""] = texts
  if (type === "boolean" && text !== "true" && text !== "false") return "has to be true or false"
  if (type !== "number") return undefined
  const number = Number(text)
  if (text.trim() === "" || !Number.isFinite(number)) return "has to be a number"
  if (number < min) return `has to be ${min} at least`
  return number > max ? `has to be ${max} at most` : undefined
}

const sayOf = ({ description, title }: Wanted): string => {
  const words = [title, description].filter((text) => text !== undefined && text !== "").join(": ").slice(0, 300)
  return words === "" ? "" : ` (${words})`
}
