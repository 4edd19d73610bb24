/** Which client asks at the token endpoint, and whether it proves it: by its secret where it has one, by its name where it can have none. */
import { Effect, Redacted } from "effect"
import { Base64 } from "effect/encoding"
import { sha256 } from "../../lib/Sha256.ts"
import { utf8 } from "../../lib/Utf8.ts"
import type { Parameters } from "../Parameters.ts"
import { OauthError, unavailable } from "./Answers.ts"
import { Clients } from "./Clients.ts"

interface Said {
  readonly id: string | undefined
  readonly secret: Redacted.Redacted<string> | undefined
  readonly isBasic: boolean
}

const decoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text.replaceAll("+", " "))
  } catch {
    return undefined
  }
}

/** RFC 6749, 2.3.1; nothing for a header that is not of that form. */
const basicIn = (header: string): Said | undefined => {
  const [, base64 = ""] = /^Basic +([A-Za-z0-9+/]+=*)$/iu.exec(header) ?? []
  const bytes = Base64.decode(base64)
  const text = bytes._tag === "Success" ? utf8.from(bytes.success) : ""
  const at = text.indexOf(":")
  const [id, secret] = at === -1 ? [] : [decoded(text.slice(0, at)), decoded(text.slice(at + 1))]
  return id === undefined || id === "" || secret === undefined ? undefined : { id, secret: Redacted.make(secret), isBasic: true }
}

const invalid = (isBasic: boolean) =>
  new OauthError({ status: 401, error: "invalid_client", description: "The client is not known, or did not prove that it is it", challenged: isBasic })

const TWO_WAYS = new OauthError({ status: 400, error: "invalid_request", description: "A client proves itself in one way at a time" })

const saidBy = Effect.fnUntraced(function*(form: Parameters, header: string | undefined) {
  const inForm = form.get("client_secret")
  if (header === undefined) return { id: form.get("client_id"), secret: inForm === undefined ? undefined : Redacted.make(inForm), isBasic: false } satisfies Said
  const basic = basicIn(header)
  if (basic === undefined) return yield* invalid(true)
  return inForm === undefined && (form.get("client_id") ?? basic.id) === basic.id ? basic : yield* TWO_WAYS
})

/** Compared by hashes, so that the time it takes says nothing. */
const isSame = (a: Redacted.Redacted<string>, b: Redacted.Redacted<string>) =>
  Effect.map(Effect.all([sha256(Redacted.value(a)), sha256(Redacted.value(b))]), ([one, other]) => one === other)

/** @param header the Authorization header of the request */
export const provenClient = Effect.fnUntraced(function*(form: Parameters, header: string | undefined) {
  if (form.get("client_assertion") !== undefined) return yield* invalid(false)
  const { id, isBasic, secret } = yield* saidBy(form, header)
  const client = id === undefined ? undefined : yield* Effect.catchTag((yield* Clients).proofOf(id), "StoreFailed", unavailable)
  if (client === undefined) return yield* invalid(isBasic)
  if (client.secret === undefined) return client
  return secret !== undefined && (yield* isSame(secret, client.secret)) ? client : yield* invalid(isBasic)
})
