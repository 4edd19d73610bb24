/** `inputs:` of a server whose package describes what it wants to be given. Any of them may be a secret. */
import { Redacted, Schema } from "effect"

const Value = Schema.Union([Schema.String, Schema.Finite, Schema.Boolean, Schema.Array(Schema.String)])

export const Inputs = Schema.Record(Schema.NonEmptyString, Schema.RedactedFromValue(Value).annotate({
  message: "expected text, a number, true, false, or a list of texts"
}))
export type Inputs = typeof Inputs.Type

export const inputsKey = Schema.optionalKey(Inputs.annotate({
  description: "What it is given, by the names that it is described with; manifold status says what is missing. Secrets belong into references"
}))

/** Its texts, as an argument or a variable has them; nothing where it was not given. */
export const givenIn = (inputs: Inputs, name: string): ReadonlyArray<string> | undefined => {
  const value = Object.hasOwn(inputs, name) ? inputs[name] : undefined
  if (value === undefined) return undefined
  const plain = Redacted.value(value)
  return Array.isArray(plain) ? plain : [String(plain)]
}
