/** The capabilities that let a backend ask a client something. */
import { isRecord } from "../lib/Record.ts"

/** As JSON text, equal for equal sets; `{}` for a client that cannot be asked. */
export const askable = (capabilities: unknown): string => {
  if (!isRecord(capabilities)) return "{}"
  const kept = ["elicitation", "roots", "sampling"].filter((name) => isRecord(capabilities[name]))
  return JSON.stringify(Object.fromEntries(kept.map((name) => [name, capabilities[name]])))
}
