/** All the ways in which a call ends without an answer of its server. */
import { Schema } from "effect"
import type { BackendFailed } from "../backend/BackendFailed.ts"
import type { ConsentNeeded, CredentialRefused } from "../plugin/Auth.ts"
import type { AccessDenied } from "./Deciding.ts"
import type { UnknownName } from "./Target.ts"

/** The manifest wants every call recorded, and records cannot be written. */
export class Unrecorded extends Schema.TaggedError<Unrecorded>()("Unrecorded", {}) {
  override get message() {
    return "Calls have to be recorded, which is not possible now; try again later"
  }
}

export type CallFailed = UnknownName | AccessDenied | Unrecorded | BackendFailed | CredentialRefused | ConsentNeeded
