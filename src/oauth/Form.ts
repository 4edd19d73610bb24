/** A form that a browser posts to one of our pages: small, and with the token of whoever is signed in there. */
import { ByteSize, Effect } from "effect"
import { type HttpServerRequest, MaxBodySize } from "effect/http/HttpServerRequest"
import type { Visitor } from "./Browser.ts"
import { type Parameters, parametersOf } from "./Parameters.ts"
import { Refusal } from "./Refusal.ts"

const LARGEST = 64 * 1024

const refused = (why: string) => new Refusal({ status: 400, error: "invalid_request", why, next: "Go back and try again" })

/** The parameters of a body that is a form; `undefined` for any other. */
export const formOf = (request: HttpServerRequest): Effect.Effect<Parameters | undefined> =>
  /^application\/x-www-form-urlencoded\s*(;|$)/iu.test(request.headers["content-type"] ?? "")
    ? request.text.pipe(
      Effect.map(parametersOf),
      Effect.orElseSucceed(() => undefined),
      Effect.provideService(MaxBodySize, ByteSize.bytes(LARGEST))
    )
    : Effect.undefined

/** Whoever posts it has to have read the page: a form of another site has not (CSRF). */
export const formFrom = Effect.fnUntraced(function*(request: HttpServerRequest, visitor: Visitor) {
  const form = yield* formOf(request)
  if (form === undefined || form.repeated.length > 0) return yield* refused("This is no form of ours")
  if (form.get("form_token") !== visitor.formToken) {
    return yield* new Refusal({ status: 403, error: "access_denied", why: "The form is not of this browser's session", next: "Open the page again and try once more" })
  }
  return form
})
