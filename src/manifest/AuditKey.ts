/** `audit:` of the manifest: whether decisions and calls are recorded, and what of a call's arguments. */
import { Schema } from "effect"
import { fallback } from "./Fields.ts"

const Recorded = Schema.Struct({
  arguments: fallback(
    Schema.Literals(["shape", "none"]),
    "What is recorded of arguments: shape is the names of the keys and a keyed hash of the values, never a value",
    "shape"
  ),
  required: fallback(Schema.Boolean, "Refuse calls for as long as records cannot be written; else calls go on, and what is lost is counted", false)
})

export const Audit = Schema.Union([Schema.Boolean, Recorded])

/** What to record; `undefined` for nothing. */
export interface AuditWanted {
  readonly arguments: "shape" | "none"
  readonly required: boolean
}

interface Said {
  readonly access?: unknown
  readonly api_keys?: boolean
  readonly audit?: typeof Audit.Type | undefined
  readonly master_oauth?: unknown
}

/** Where the manifest says nothing, a gateway that knows who calls keeps records, and one on a desk does not. */
export const auditOf = ({ access, api_keys, audit, master_oauth }: Said): AuditWanted | undefined => {
  const isOn = audit ?? (access !== undefined || api_keys === true || master_oauth !== undefined)
  if (isOn === false) return undefined
  return isOn === true ? { arguments: "shape", required: false } : isOn
}
