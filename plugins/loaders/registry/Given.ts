/**
 * What an entry wants to be given, and the manifest's inputs for it: arguments, variables, headers and parts of an address.
 * All that is missing or wrong is said at once, with what the entry says it is for.
 */
import type { Path } from "effect"
import { givenIn, type Inputs } from "../inputs/Inputs.ts"
import type { Argument, Input, Named } from "./Entry.ts"

export interface Asking {
  readonly inputs: Inputs
  /** Folder of the manifest, where relative paths start. */
  readonly directory: string
  readonly path: Path.Path
}

type Variables = Readonly<Record<string, Input>>
type Wanted = Input & { readonly variables?: Variables | undefined }

const PLACE = /\{([^{}]+)\}/gu

/** Collects what was asked for and what is wrong, over all parts of an entry. */
export class Given {
  readonly problems: Array<string> = []
  readonly #known = new Set<string>()
  readonly #asking: Asking

  constructor(asking: Asking) {
    this.#asking = asking
  }

  /** The inputs that nothing has asked for. */
  get rest(): Inputs {
    return Object.fromEntries(Object.entries(this.#asking.inputs).filter(([name]) => !this.#known.has(name)))
  }

  /** The value of something with a name; nothing where it is not given and need not be. */
  named({ name, ...wanted }: Named): string | undefined {
    return this.#texts(name, wanted, false)?.[0]
  }

  /** Everybody on the machine can read arguments, so a secret is none. */
  argument(argument: Argument): ReadonlyArray<string> {
    const name = argument.name ?? argument.valueHint ?? ""
    const texts = this.#texts(name, argument, argument.isRepeated === true)
    if (texts === undefined) return []
    if (hasSecret(argument)) {
      this.problems.push(`${sayName(name)} is a secret, and an argument: everybody on the machine can read arguments`)
      return []
    }
    if (argument.type === "positional") return texts
    // A flag without a value is there, or is not.
    return texts.flatMap((text) => text === "true" && argument.value === undefined ? [name] : text === "false" && argument.value === undefined ? [] : flagWith(name, text))
  }

  /** A text whose `{names}` are variables; others stay as they are. */
  template(text: string, variables: Variables): string | undefined {
    let isWhole = true
    const filled = text.replaceAll(PLACE, (place, name: string) => {
      const variable = Object.hasOwn(variables, name) ? variables[name] : undefined
      if (variable === undefined) return place
      const value = this.#texts(name, variable, false)?.[0]
      if (value === undefined) isWhole = false
      return value ?? ""
    })
    return isWhole ? filled : undefined
  }

  #texts(name: string, wanted: Wanted, isList: boolean): ReadonlyArray<string> | undefined {
    const { variables = {}, value } = wanted
    if (value !== undefined) {
      const filled = this.template(value, variables)
      return filled === undefined ? undefined : [filled]
    }
    this.#known.add(name)
    const texts = givenIn(this.#asking.inputs, name) ?? (wanted.default === undefined ? undefined : [wanted.default])
    const why = texts === undefined ? (wanted.isRequired === true ? "is missing" : undefined) : mistake(wanted, texts, isList)
    if (why !== undefined) this.problems.push(`${sayName(name)} ${why}${sayWhatFor(wanted)}`)
    const { directory, path } = this.#asking
    return wanted.format === "filepath" ? texts?.map((text) => path.resolve(directory, text)) : texts
  }
}

const flagWith = (name: string, text: string) => name.startsWith("--") ? [`${name}=${text}`] : [name, text]

const hasSecret = ({ isSecret = false, variables = {} }: Wanted): boolean =>
  isSecret || Object.values(variables).some((variable) => variable.isSecret === true)

const mistake = ({ choices, format }: Input, texts: ReadonlyArray<string>, isList: boolean): string | undefined => {
  if (texts.length !== 1 && !isList) return "takes one value"
  if (texts.some((text) => text.includes("\0"))) return "has a NUL in it"
  if (choices !== undefined && choices.length > 0 && texts.some((text) => !choices.includes(text))) return `has to be one of ${choices.join(", ")}`
  if (format === "number" && texts.some((text) => text.trim() === "" || !Number.isFinite(Number(text)))) return "has to be a number"
  return format === "boolean" && texts.some((text) => text !== "true" && text !== "false") ? "has to be true or false" : undefined
}

const sayName = (name: string) => /^[\w.-]+$/u.test(name) && !name.startsWith("-") ? `inputs.${name}` : `inputs[${JSON.stringify(name)}]`

const sayWhatFor = ({ description = "" }: Input): string => description === "" ? "" : ` (${description.slice(0, 300)})`
