/**
 * Translates what went wrong behind the gateway into the error of the client's era:
 * class, message, next step. No stack, no path, no body of a backend.
 */
import type { BackendFailed } from "../backend/BackendFailed.ts"
import type { Reply } from "../backend/Connection.ts"
import type { Era } from "../backend/Era.ts"
import type { CallFailed } from "../router/CallFailed.ts"
import { CODE } from "./Exchange.ts"
import { URL_ELICITATION_REQUIRED } from "./UrlElicitation.ts"

export interface ErrorAnswer {
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

/** @param incident names the line in the log that says more */
export const failureFor = (era: Era, failure: CallFailed, incident: string): ErrorAnswer => {
  switch (failure._tag) {
    case "UnknownName":
      return failure.kind === "resource"
        ? {
          code: era === "legacy" ? CODE.resourceNotFound : CODE.invalidParams,
          message: "Resource not found",
          data: { uri: failure.name }
        }
        : { code: CODE.invalidParams, message: failure.message }
    case "AccessDenied":
      return { code: CODE.invalidParams, message: "You may not call this with these arguments", data: { reason: "access_denied", incident } }
    case "Unrecorded":
      return { code: CODE.internal, message: failure.message, data: { reason: "unrecorded", incident } }
    case "BackendFailed":
      return { code: CODE.internal, message: failure.message, data: { server: failure.backend, reason: failure.reason, ...nextFor(failure), incident } }
    case "CredentialRefused":
      return { code: CODE.internal, message: failure.message, data: { server: failure.server, reason: "unauthorized", incident } }
    case "ConsentNeeded":
      return { code: CODE.internal, message: failure.message, data: { server: failure.server, reason: "consent", incident } }
  }
}

/** What the caller may do, where it can do anything. */
const nextFor = ({ isUnsent, reason }: BackendFailed) => {
  if (isUnsent === true || reason === "not_ready" || reason === "busy") return { next: "It was not carried out: call again in a moment" }
  const isUncertain = reason === "closed" || reason === "timed_out"
  return isUncertain ? { next: "It may have been carried out: call again where that does no harm" } : {}
}

/** The range whose codes the modern revision defines; they mean something else, or nothing, in all others (2026-07-28, basic/index). */
const isReserved = (code: number): boolean => code <= -32020 && code >= -32099

/** Codes that speak of the gateway's own request and not of the client's. */
const GATEWAY_FAULTS: ReadonlySet<number> = new Set([CODE.headerMismatch, CODE.unsupportedVersion])

/** A backend's error for a client; `undefined` says: pass it on as it was written. */
export const errorFor = (era: Era, { era: from, error: { code, message } }: Reply & { readonly kind: "error" }): ErrorAnswer | undefined => {
  if (from === "modern" && GATEWAY_FAULTS.has(code)) return { code: CODE.internal, message: "The server could not read the gateway's request" }
  if (era === "legacy") {
    return from === "modern" && code === CODE.missingCapability
      ? { code: CODE.internal, message: "The server needs a capability that the client did not declare (elicitation, sampling or roots)" }
      : undefined
  }
  if (code === CODE.resourceNotFound) return { code: CODE.invalidParams, message }
  if (code === URL_ELICITATION_REQUIRED) return { code: CODE.internal, message: "The server asks the user to open an address, and names none" }
  if (isReserved(code) && !(from === "modern" && code === CODE.missingCapability)) {
    return { code: CODE.internal, message: `${message} (error ${code} of the server)` }
  }
  return undefined
}
