/**
 * A gateway that runs, as the verbs that ask it something reach it: the address
 * a person gave (the gateway's, or its endpoint's) and what it answers there.
 */
import { Config, Effect, Option, Predicate, Redacted, Schema } from "effect"
import { Flag } from "effect/cli"
import { FetchHttpClient, HttpBody, HttpClient } from "effect/http"
import { HttpUrl } from "../manifest/Fields.ts"
import { stop, type Stopped, unavailable } from "./Stopped.ts"

/** `--url URL`, else MANIFOLD_URL. */
export const url = Flag.String("url").pipe(
  Flag.withMetavar("URL"),
  Flag.withDescription("Where the gateway runs; else MANIFOLD_URL, else http://127.0.0.1:8080"),
  Flag.withFallbackConfig(Config.String("MANIFOLD_URL")),
  Flag.withSchema(HttpUrl),
  Flag.optional
)

/** What `--url` gave, or where a gateway listens unless it is told otherwise. */
export const urlOr = (given: Option.Option<string>): string => Option.getOrElse(given, () => "http://127.0.0.1:8080")

/** `http://host:8080` of `http://host:8080/mcp`; a path before that stays, as behind a proxy. */
export const baseOf = (url: string): string => {
  const { origin, pathname } = new URL(url)
  return origin + pathname.replace(/(?:\/servers\/[^/]+)?\/mcp\/?$/u, "").replace(/\/+$/u, "")
}

/** The MCP endpoint; a URL with a path is one already. */
export const endpointOf = (url: string): string => {
  const { href, pathname } = new URL(url)
  return pathname === "/" ? new URL("/mcp", href).href : href
}

/**
 * What a gateway with sign-in wants to see: MANIFOLD_TOKEN, a token or an API key. Never a flag,
 * since every process of the machine can read what others were started with.
 */
export const credential: Effect.Effect<Readonly<Record<string, string>>> = Config.Redacted("MANIFOLD_TOKEN").pipe(
  Config.option,
  Effect.map((token) => Option.match(token, { onNone: () => ({}), onSome: (given) => ({ authorization: `Bearer ${Redacted.value(given)}` }) })),
  Effect.orElseSucceed(() => ({}))
)

/** Nothing at this address answers as a gateway, or it does not let us in. */
export class NoGateway extends Schema.TaggedError<NoGateway>()("NoGateway", {
  url: Schema.String,
  why: Schema.String,
  isRefusal: Schema.optionalKey(Schema.Literal(true))
}) {
  override get message() {
    if (this.isRefusal === true) return `The gateway at ${this.url} did not let this in: ${this.why}.`
    return `No gateway answers at ${this.url}: ${this.why}.\n` +
      "Start one with `manifold serve --manifest FILE`, or say where it runs with --url URL or MANIFOLD_URL."
  }
}

/** Ends a command that asks a gateway: where none answers, with the reason and exit code 69. */
export const orNoGateway = <A, R>(effect: Effect.Effect<A, NoGateway | Stopped, R>) =>
  effect.pipe(
    Effect.catchTag("NoGateway", ({ message }) => stop(unavailable, message)),
    Effect.provide(FetchHttpClient.layer)
  )

/**
 * Asks for `path` below the gateway's address; gives the answer as it came and decoded.
 * @param body posted as JSON, where there is one
 */
export const ask = Effect.fnUntraced(function*<A>(
  url: string,
  path: string,
  answer: Schema.Codec<A, unknown>,
  body?: object
): Effect.fn.Return<{ readonly json: unknown; readonly value: A }, NoGateway, HttpClient.HttpClient> {
  const base = baseOf(url)
  const http = yield* HttpClient.HttpClient
  const refuse = (why: string) => new NoGateway({ url: base, why })
  const headers = yield* credential
  const asked = body === undefined
    ? http.get(base + path, { headers })
    : http.post(base + path, { headers, body: HttpBody.jsonUnsafe(body) })
  const response = yield* asked.pipe(
    Effect.timeoutOrElse({ duration: "10 seconds", orElse: () => Effect.fail(refuse("it took longer than 10 seconds")) }),
    Effect.mapError((error) => error._tag === "NoGateway" ? error : refuse(reasonOf(error)))
  )
  const refusal = REFUSALS.get(response.status)
  if (refusal !== undefined) return yield* new NoGateway({ url: base, why: refusal, isRefusal: true })
  if (response.status !== 200) return yield* refuse(`${path} is answered with status ${response.status}`)
  const foreign = () => refuse("what answers there is no gateway of this version")
  const json = yield* Effect.mapError(response.json, foreign)
  return { json, value: yield* Effect.mapError(Schema.decodeUnknownEffect(answer)(json), foreign) }
})

const REFUSALS: ReadonlyMap<number, string> = new Map([
  [401, "put a token or an API key into MANIFOLD_TOKEN"],
  [403, "the token or key in MANIFOLD_TOKEN needs the scope manifold:admin"]
])

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "there is no such host",
  ECONNRESET: "the connection was closed",
  UND_ERR_CONNECT_TIMEOUT: "the connection took too long",
  ETIMEDOUT: "the connection took too long"
}

/** The first reason that has a known code, in words; else the innermost message. */
export const reasonOf = (error: unknown): string => {
  let innermost = String(error)
  for (let at = error, depth = 0; Predicate.isObject(at) && depth < 8; at = below(at), depth++) {
    const known = Predicate.hasProperty(at, "code") ? REASONS[String(at.code)] : undefined
    if (known !== undefined) return known
    if (Predicate.hasProperty(at, "message") && at.message !== "") innermost = String(at.message)
  }
  return innermost
}

const below = (error: object): unknown => {
  if (Predicate.hasProperty(error, "cause") && error.cause !== undefined) return error.cause
  return Predicate.hasProperty(error, "reason") ? error.reason : undefined
}
