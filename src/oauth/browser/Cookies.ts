/**
 * The cookies of a browser that signs in. On https they are `__Host-`: of this host alone, for all paths,
 * never in clear. On loopback http they cannot be, so that the port in their name tells gateways apart.
 */
import { Option } from "effect"
import { HttpServerResponse } from "effect/http"
import type { HttpServerRequest } from "effect/http"

/** What a cookie is for: the session, or one sign-in by its id. */
export const cookieName = (base: string, what: string): string => {
  const { port, protocol } = new URL(base)
  return protocol === "https:" ? `__Host-manifold-${what}` : `manifold-${port === "" ? "80" : port}-${what}`
}

const optionsFor = (base: string) => ({ httpOnly: true, path: "/", sameSite: "lax", secure: base.startsWith("https:") } as const)

export interface Set {
  readonly base: string
  readonly name: string
  readonly value: string
  readonly seconds: number
}

export const withCookie = (response: HttpServerResponse.HttpServerResponse, { base, name, seconds, value }: Set) =>
  HttpServerResponse.setCookieUnsafe(response, name, value, { ...optionsFor(base), maxAge: seconds * 1000 })

export const withoutCookie = (response: HttpServerResponse.HttpServerResponse, base: string, name: string) =>
  HttpServerResponse.expireCookieUnsafe(response, name, optionsFor(base))

export const cookieOf = ({ cookies }: HttpServerRequest.HttpServerRequest, name: string): string | undefined =>
  Object.hasOwn(cookies, name) ? cookies[name] : undefined

/** Whoever connects, for limits. */
export const addressOf = ({ remoteAddress }: HttpServerRequest.HttpServerRequest): string => Option.getOrElse(remoteAddress, () => "unknown")
