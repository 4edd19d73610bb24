/**
 * Gives a result of one era the fields of the other, in its bytes: nothing below
 * the top level is read, and what we do not know stays as it was sent.
 */
import { members, valueOf } from "../lib/Json.ts"
import type { Chunk } from "./Exchange.ts"

const RESULT_TYPE = Buffer.from("\"resultType\"")
const MODERN_ONLY = new Set(["resultType", "ttlMs", "cacheScope"])

/** A legacy result for a modern client (2026-07-28: `resultType`, and caching fields on resources/read). */
export const upgraded = (method: string, result: Buffer): ReadonlyArray<Chunk> => {
  if (result.includes(RESULT_TYPE)) {
    const text = result.toString("latin1")
    if (members(text)?.some(({ key }) => key === "resultType")) return [result]
  }
  const brace = result.findIndex((byte) => byte > 0x20)
  // A result that is no object has no place for fields; the client gets what the backend said.
  if (result[brace] !== 0x7b) return [result]
  const rest = result.subarray(brace + 1)
  const fields = `{"resultType":"complete"${method === "resources/read" ? `,"ttlMs":0,"cacheScope":"private"` : ""}`
  return isEmpty(rest) ? [fields, "}"] : [fields, ",", rest]
}

const isEmpty = (rest: Buffer): boolean => {
  for (const byte of rest) {
    if (byte === 0x7d) return true
    if (byte > 0x20) return false
  }
  return true
}

/** A modern result for a legacy client, or the type of result that a legacy client cannot take. */
export const downgraded = (result: Buffer): ReadonlyArray<Chunk> | { readonly unfit: string } => {
  const text = result.toString("latin1")
  const found = members(text)
  if (found === undefined) return [result]
  const type = valueOf(text, found, "resultType")
  if (type !== undefined && type !== "\"complete\"") return { unfit: type.slice(1, -1) }
  const kept = found.filter(({ key }) => !MODERN_ONLY.has(key))
  if (kept.length === found.length) return [result]
  const chunks: Array<Chunk> = []
  for (const { at, end } of kept) chunks.push(chunks.length === 0 ? "{" : ",", result.subarray(at, end))
  return chunks.length === 0 ? ["{}"] : [...chunks, "}"]
}
