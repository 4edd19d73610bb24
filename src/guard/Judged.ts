/**
 * What a pattern says of a value from outside. A value that a server may read as another one than we do
 * is in doubt: it is not what somebody is allowed, and it is what somebody is denied.
 */
import type { Glob } from "../lib/Glob.ts"
import { isPlain } from "../lib/PlainPath.ts"

export type Judged = "yes" | "no" | "doubt"

/** Longer texts are nobody's path or URI. */
const LONGEST = 8192

/** A pattern with a slash is about paths or URIs. */
export const judge = (pattern: Glob, value: string): Judged => {
  if (pattern.isEverything) return "yes"
  if (value.length > LONGEST || (pattern.text.includes("/") && !isPlain(value))) return "doubt"
  return pattern.matches(value) ? "yes" : "no"
}

/** Whether a rule of this effect applies: doubt never opens anything. */
export const applies = (effect: "allow" | "deny", judged: Judged): boolean => judged === "yes" || (judged === "doubt" && effect === "deny")
