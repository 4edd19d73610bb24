/** The one place where a credential for a backend becomes text, on its way into that backend's request. */
import { Redacted } from "effect"
import type { Credential } from "../plugin/Auth.ts"

export const revealed = ({ headers }: Credential): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), Redacted.value(value)]))
