/** Ends the session of a browser: a page that says whose it is, and a form that ends it. */
import { Effect, Layer } from "effect"
import { HttpRouter } from "effect/http"
import { Base } from "../../guard/Base.ts"
import { Browser, type Visitor } from "../Browser.ts"
import { formFrom } from "../Form.ts"
import { signedOutPage, signOutPage } from "../pages/DonePages.ts"
import { answerOf } from "../pages/Page.ts"
import { withPages } from "../Refusal.ts"
import { cookieName, cookieOf, withoutCookie } from "./Cookies.ts"
import { end } from "./Sessions.ts"
import { SESSION } from "./SigningIn.ts"

export const SIGN_OUT = "/oauth/sign-out"

/** What a person knows themselves by, where the issuer says it. */
export const nameOf = ({ principal: { claims = {}, subject } }: Visitor): string => {
  const said = ["email", "login", "preferred_username", "name"].map((key) => claims[key]).find((value) => typeof value === "string" && value !== "")
  return typeof said === "string" ? said : subject
}

const ask = HttpRouter.add("GET", SIGN_OUT, (request) =>
  Effect.gen(function*() {
    const { visitor } = yield* Browser
    const found = yield* visitor(request)
    const action = `${(yield* Base).current()}${SIGN_OUT}`
    return answerOf(found === undefined ? signedOutPage : signOutPage({ name: nameOf(found), action, formToken: found.formToken }))
  }))

const leave = HttpRouter.add("POST", SIGN_OUT, (request) => withPages(Effect.gen(function*() {
  const { visitor } = yield* Browser
  const found = yield* visitor(request)
  if (found === undefined) return answerOf(signedOutPage)
  yield* formFrom(request, found)
  const base = (yield* Base).current()
  const name = cookieName(base, SESSION)
  const id = cookieOf(request, name)
  if (id !== undefined) yield* Effect.orDie(end(id))
  return withoutCookie(answerOf(signedOutPage), base, name)
})))

export const signOut = Layer.mergeAll(ask, leave)
