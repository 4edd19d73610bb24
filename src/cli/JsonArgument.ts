/** The arguments of a tool as a person types them: one JSON object, its mistakes shown at their place. */
import { Effect, Schema } from "effect"
import { isRecord } from "../lib/Record.ts"

/** What was typed is no JSON object. */
export class ArgumentWrong extends Schema.TaggedError<ArgumentWrong>()("ArgumentWrong", { why: Schema.String }) {
  override get message() {
    return this.why
  }
}

export const argumentsOf = (text: string): Effect.Effect<Record<string, unknown>, ArgumentWrong> =>
  Effect.try({ try: (): unknown => JSON.parse(text), catch: (cause) => new ArgumentWrong({ why: sayMistake(text, cause) }) }).pipe(
    Effect.flatMap((value) =>
      isRecord(value)
        ? Effect.succeed(value)
        : new ArgumentWrong({ why: `The arguments are ${kindOf(value)}, expected a JSON object such as {"path": "a.txt"}` })
    )
  )

const kindOf = (value: unknown): string => {
  if (value === null) return "null"
  return Array.isArray(value) ? "a list" : `a ${typeof value}`
}

const sayMistake = (text: string, cause: unknown): string => {
  const said = cause instanceof Error ? cause.message : String(cause)
  const position = positionIn(said, text)
  const why = said.replace(/ (?:in|after) JSON at position.*$|, \.{0,3}"[\s\S]* is not valid JSON$| at position.*$/u, "")
  const before = text.slice(0, position)
  const line = before.split("\n").length
  const column = position - before.lastIndexOf("\n")
  const shown = text.split("\n")[line - 1] ?? ""
  const from = Math.max(0, column - 40)
  return [
    `The arguments are not JSON: line ${line}, column ${column}: ${why}`,
    `  ${shown.slice(from, from + 76)}`,
    `  ${" ".repeat(column - 1 - from)}^`
  ].join("\n")
}

/** V8 says the position, but for a text that ends too early and for a token it did not expect. */
const positionIn = (said: string, text: string): number => {
  const position = /at position (\d+)/u.exec(said)?.[1]
  if (position !== undefined) return Number(position)
  return isUnexpectedToken(text) ? shortestWrong(text) - 1 : text.length
}

/** The length of the shortest beginning that already has the unexpected token. */
const shortestWrong = (text: string): number => {
  let [right, wrong] = [0, text.length]
  while (wrong - right > 1) {
    const middle = (right + wrong) >> 1
    if (isUnexpectedToken(text.slice(0, middle))) wrong = middle
    else right = middle
  }
  return wrong
}

const isUnexpectedToken = (text: string): boolean => {
  try {
    JSON.parse(text)
    return false
  } catch (cause) {
    return cause instanceof SyntaxError && cause.message.startsWith("Unexpected token")
  }
}
