/**
 * The error -32042 of 2025-11-25 ("open these addresses first, then call again") as the modern revision
 * says the same: an `input_required` result with URL elicitations, whose answer is the call again.
 */
import { isRecord } from "../lib/Record.ts"

export const URL_ELICITATION_REQUIRED = -32042

/** Tells the answers to these questions from those to a server's own. */
const KEY = "manifold.url."

/** The result as JSON text; `undefined` for an error that names no address. */
export const asInputRequired = (error: string): string | undefined => {
  const parsed: unknown = JSON.parse(error)
  const data = isRecord(parsed) ? parsed["data"] : undefined
  const elicitations = isRecord(data) && Array.isArray(data["elicitations"]) ? data["elicitations"] : []
  const asked = elicitations.flatMap((one: unknown) =>
    isRecord(one) && typeof one["url"] === "string" ? [{ message: String(one["message"] ?? ""), url: one["url"] }] : [])
  if (asked.length === 0) return undefined
  return inputRequired(asked)
}

/** The result that asks a modern client to show these addresses, as JSON text. */
export const inputRequired = (asked: ReadonlyArray<{ readonly message: string; readonly url: string }>): string => {
  const requests = Object.fromEntries(asked.map((one, index) => [`${KEY}${index}`, { method: "elicitation/create", params: { mode: "url", ...one } }]))
  return JSON.stringify({ resultType: "input_required", inputRequests: requests })
}

/** Says that an address has been dealt with; of revision 2025-11-25 alone. */
export const ELICITATION_COMPLETE = "notifications/elicitation/complete"

/** The ids by which a server will say that its addresses have been dealt with, from an error or the params of a question. */
export const elicitationIdsIn = (text: string): ReadonlyArray<string> => {
  if (!text.includes("\"elicitationId\"")) return []
  const parsed: unknown = JSON.parse(text)
  const data = isRecord(parsed) && isRecord(parsed["data"]) ? parsed["data"]["elicitations"] : undefined
  return [parsed, ...Array.isArray(data) ? data : []].flatMap((one: unknown) =>
    isRecord(one) && typeof one["elicitationId"] === "string" ? [one["elicitationId"]] : [])
}

/** Whether the user would not open an address. */
export const isDeclined = (inputResponses: unknown): boolean =>
  isRecord(inputResponses) &&
  Object.entries(inputResponses).some(([key, answer]) => key.startsWith(KEY) && isRecord(answer) && answer["action"] !== "accept")

/** Whether a client with these capabilities (JSON text) can be shown an address. */
export const canOpenUrls = (capabilities: string): boolean => {
  const declared: unknown = JSON.parse(capabilities)
  const elicitation = isRecord(declared) ? declared["elicitation"] : undefined
  return isRecord(elicitation) && elicitation["url"] !== undefined
}
