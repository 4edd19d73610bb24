/** Equal text for equal values, whatever the order of keys. */
import { isRecord } from "./Record.ts"

/** @param plain what a value stands for that is none of JSON's */
export const canonical = (value: unknown, plain: (value: unknown) => unknown = (same) => same): string => {
  const known = plain(value)
  if (Array.isArray(known)) return `[${known.map((each) => canonical(each, plain)).join()}]`
  if (!isRecord(known)) return JSON.stringify(known) ?? ""
  return `{${Object.keys(known).sort().map((key) => `${JSON.stringify(key)}:${canonical(known[key], plain)}`).join()}}`
}
