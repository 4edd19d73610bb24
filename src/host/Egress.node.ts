/**
 * The egress client on Node. The address is checked where the connection is made, on the answer
 * of the very lookup that it uses: a name that changes its mind (DNS rebinding) gains nothing.
 */
import { lookup, type LookupAddress, type LookupOptions } from "node:dns"
import type { LookupFunction } from "node:net"
import { Effect, Layer, Redacted } from "effect"
import { Agent, request } from "undici"
import { Egress } from "#plugin"
import { beyond } from "../lib/Json.ts"
import { SubjectToken, subjectTokenFor } from "../plugin/SubjectToken.ts"
import { downloaded } from "./Download.node.ts"
import { VERSION } from "../lib/Version.ts"
import { isLoopbackAddress, isPublic } from "./Addresses.node.ts"

const LARGEST = 1024 * 1024
const LIMITS = { depth: 64, elements: 50_000 }
const TIME = 10_000

export type Resolve = (
  name: string,
  options: LookupOptions & { readonly all: true },
  found: (error: NodeJS.ErrnoException | null, addresses: ReadonlyArray<LookupAddress>) => void
) => void

type Allowed = (address: string) => boolean

class AddressRefused extends Error {}

/** @param resolve how names become addresses; tests give their own */
export const egressWith = (resolve: Resolve) =>
  Layer.effect(Egress.Egress, Effect.gen(function*() {
    const agentFor = (isAllowed: Allowed) =>
      Effect.acquireRelease(
        Effect.sync(() => new Agent({ connect: { lookup: checked(resolve, isAllowed), timeout: TIME }, connections: 16 })),
        (agent) => Effect.promise(() => agent.destroy())
      )
    const ways = {
      away: { agent: yield* agentFor(isPublic), isAllowed: isPublic },
      home: { agent: yield* agentFor(isHereOrPublic), isAllowed: isHereOrPublic }
    }

    return Egress.Egress.of({
      ask: (issuer, question) => {
        const isHome = Egress.isLoopback(hostOf(issuer))
        return asked(isHome ? ways.home : ways.away, isHome, { ...question, issuer })
      },
      download: (issuer, url, to) => {
        const isHome = Egress.isLoopback(hostOf(issuer))
        const way = isHome ? ways.home : ways.away
        return downloaded({ agent: way.agent, isSafe: (hop) => isSafe(hop, way, isHome), isRefused: (cause) => cause instanceof AddressRefused }, url, to)
      }
    })
  }))

export const egressLayer = egressWith((name, options, found) => lookup(name, options, found))

const isHereOrPublic: Allowed = (address) => isLoopbackAddress(address) || isPublic(address)

const hostOf = (url: string) => URL.canParse(url) ? new URL(url).hostname : ""

/** One address that may not be reached spoils the whole answer: nobody means to give such a mix. */
const checked = (resolve: Resolve, isAllowed: Allowed): LookupFunction => (name, options, callback) =>
  resolve(name, { ...options, all: true }, (error, addresses) => {
    const [first] = addresses ?? []
    if (error !== null || first === undefined) return callback(error ?? new Error("no address"), "")
    if (!addresses.every(({ address }) => isAllowed(address))) return callback(new AddressRefused(), "")
    if (options.all === true) callback(null, [...addresses])
    else callback(null, first.address, first.family)
  })

interface Way {
  readonly agent: Agent
  readonly isAllowed: Allowed
}

/** A question with whom it is for. */
type Addressed = Egress.Question & { readonly issuer: string }

const asked = Effect.fnUntraced(function*(way: Way, isHome: boolean, question: Addressed) {
  const url = URL.canParse(question.url) ? new URL(question.url) : undefined
  const place = url === undefined ? "an address that is none" : `${url.origin}${url.pathname}`
  const failed = (reason: Egress.EgressFailed["reason"], detail: string) => new Egress.EgressFailed({ place, reason, detail })
  if (url === undefined || !isSafe(url, way, isHome)) return yield* failed("address", "may not be asked: it is not https at a public address")

  if (holdsForeign(question, url)) return yield* failed("address", "may not be shown a token that its issuer did not give")
  const { body, challenge, freshFor, status } = yield* Effect.tryPromise({
    try: (signal) => exchange(way.agent, url, question, signal),
    catch: (cause) => cause instanceof AddressRefused
      ? failed("address", "may not be asked: its name leads to an address that is not public")
      : failed("connection", `cannot be reached${codeOf(cause)}`)
  }).pipe(Effect.timeoutOrElse({ duration: TIME, orElse: () => Effect.fail(failed("time", "gave no answer within 10 seconds")) }))
  if (status >= 300 && status < 400) return yield* failed("redirect", "answered with a redirect, which is not followed")
  if (body === undefined) return yield* failed("size", "gave an answer of more than 1 MiB")
  return { status, body: jsonOf(body), ...freshFor !== undefined && { freshFor }, ...challenge !== undefined && { challenge } }
})

/** A literal address is never looked up, so it is checked here. */
const isSafe = ({ hostname, password, protocol, username }: URL, { isAllowed }: Way, isHome: boolean) => {
  if (username !== "" || password !== "") return false
  if (protocol !== "https:" && !(protocol === "http:" && isHome && Egress.isLoopback(hostname))) return false
  const literal = hostname.startsWith("[") ? hostname.slice(1, -1) : /^[\d.]+$/u.test(hostname) ? hostname : undefined
  return literal === undefined || isAllowed(literal)
}

const exchange = async (agent: Agent, url: URL, question: Addressed, signal: AbortSignal) => {
  const { form, issuer, json } = question
  const payload = form === undefined ? json && JSON.stringify(documentFor(issuer, json)) : new URLSearchParams(revealed(issuer, form)).toString()
  const { body, headers, statusCode: status } = await request(url, {
    dispatcher: agent,
    method: payload === undefined ? "GET" : "POST",
    headers: headersFor(question),
    ...payload !== undefined && { body: payload },
    headersTimeout: TIME,
    bodyTimeout: TIME,
    signal
  })
  const chunks: Array<Uint8Array> = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    // To leave the loop is to end the connection: the rest is not read.
    if (size > LARGEST) return { status, body: undefined }
    chunks.push(chunk)
  }
  return { status, body: Buffer.concat(chunks), freshFor: freshIn(headers["cache-control"]), challenge: challengeIn(headers["www-authenticate"]) }
}

/** Longest challenge that is looked at, in characters. */
const LONGEST = 4096

const challengeIn = (said: string | ReadonlyArray<string> | undefined): string | undefined => {
  const challenge = [said ?? []].flat().join(", ")
  return challenge === "" || challenge.length > LONGEST ? undefined : challenge
}

const freshIn = (said: string | ReadonlyArray<string> | undefined): number | undefined => {
  const control = [said ?? ""].flat().join(",").toLowerCase()
  if (/(?:^|[\s,])no-(?:store|cache)(?:$|[\s,=])/u.test(control)) return 0
  const [, seconds] = /(?:^|[\s,])max-age=(\d{1,9})(?:$|[\s,])/u.exec(control) ?? []
  return seconds === undefined ? undefined : Number(seconds)
}

const headersFor = ({ accept = "application/json", as, form, json }: Egress.Question): Record<string, string> => ({
  accept,
  "user-agent": `manifold/${VERSION}`,
  ...form !== undefined && { "content-type": "application/x-www-form-urlencoded" },
  ...form === undefined && json !== undefined && { "content-type": "application/json" },
  ...as !== undefined && { authorization: authorizationOf(as) }
})

const authorizationOf = (caller: Egress.Caller): string => {
  if (caller._tag === "Token") return `Bearer ${Redacted.value(caller.token)}`
  const pair = `${formEncoded(caller.id)}:${formEncoded(Redacted.value(caller.secret))}`
  return `Basic ${Buffer.from(pair).toString("base64")}`
}

/** RFC 6749, 2.3.1: both are encoded before they are joined. */
const formEncoded = (text: string) => new URLSearchParams([["", text]]).toString().slice(1)

/** A caller's token goes to the very place of its issuer: an endpoint elsewhere could be anybody's. */
const holdsForeign = ({ form, issuer, json }: Addressed, { origin }: URL): boolean =>
  Object.values({ ...form, ...json }).some((value) =>
    value instanceof SubjectToken && (subjectTokenFor(issuer, value) === undefined || origin !== new URL(issuer).origin))

const revealed = (issuer: string, fields: Egress.Fields): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).flatMap(([name, value]) => {
    const shown = shownTo(issuer, value)
    return shown === undefined ? [] : [[name, shown]]
  }))

const shownTo = (issuer: string, value: Egress.Fields[string]): string | undefined => {
  const shown = value instanceof SubjectToken ? subjectTokenFor(issuer, value) : value
  return Redacted.isRedacted(shown) ? Redacted.value(shown) : shown
}

const documentFor = (issuer: string, document: Egress.Document) =>
  Object.fromEntries(Object.entries(document).flatMap(([name, value]) => {
    const shown = isTexts(value) ? value : shownTo(issuer, value)
    return shown === undefined ? [] : [[name, shown]]
  }))

const isTexts = (value: Egress.Document[string]): value is ReadonlyArray<string> => Array.isArray(value)

const jsonOf = (bytes: Uint8Array): unknown => {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes)
    return beyond(text, LIMITS) === undefined ? JSON.parse(text) : undefined
  } catch {
    return undefined
  }
}

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? ` (${cause.code})` : ""
