/** Headers as secrets: nothing prints them from here on. */
import { Redacted } from "effect"

export const secretHeaders = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Redacted.make(value)]))
