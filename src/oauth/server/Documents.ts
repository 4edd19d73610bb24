/**
 * Clients that a document describes at the https address that is their id (Client ID Metadata Documents). An
 * outsider names the address, so it is fetched by the egress client alone, held to a few fetches a minute, and kept.
 */
import { Clock, Effect, Option, Schema } from "effect"
import { isLoopback } from "../../lib/Loopback.ts"
import { redirectMistake } from "../../lib/RedirectUri.ts"
import { Egress } from "../../plugin/Egress.ts"
import { Failures } from "../../guard/Failures.ts"
import type { Client } from "./Client.ts"

const Text = Schema.String.check(Schema.isMaxLength(2000))
const Document = Schema.Struct({
  client_id: Text,
  client_name: Schema.optionalKey(Text),
  redirect_uris: Schema.Array(Text).check(Schema.isMinLength(1), Schema.isMaxLength(50)),
  token_endpoint_auth_method: Schema.optionalKey(Text)
})

/** Milliseconds that a document is kept: unless it says otherwise, never longer, never shorter, and that none was found. */
const KEPT = { usual: 300_000, longest: 86_400_000, shortest: 5000, failure: 30_000 }
const MOST_KEPT = 1000
const FETCHES_A_MINUTE = 120

interface Held {
  readonly client: Client | undefined
  readonly until: number
}

/** Whether a client id is the address of a document; http is for loopback, where the gateway is there itself. */
export const isDocument = (id: string, base: string): boolean => {
  if (id.length > 500 || !/^https?:\/\/[\x21-\x7e]+$/u.test(id) || !URL.canParse(id)) return false
  const { hash, hostname, href, password, pathname, protocol, username } = new URL(id)
  const isNear = protocol === "http:" && isLoopback(hostname) && isLoopback(new URL(base).hostname)
  return (protocol === "https:" || isNear) && href === id && pathname !== "/" && hash === "" && username === "" && password === ""
}

export const documents = Effect.map(Egress, (egress) => {
  const held = new Map<string, Held>()
  const fetches = new Failures(FETCHES_A_MINUTE)

  const keep = (id: string, entry: Held) => {
    for (const oldest of held.keys()) {
      if (held.size < MOST_KEPT) break
      held.delete(oldest)
    }
    held.set(id, entry)
    return entry.client
  }

  /** Nothing where there is no document that counts. @param base as which the gateway is known */
  return Effect.fnUntraced(function*(id: string, base: string) {
    const now = yield* Clock.currentTimeMillis
    const known = held.get(id)
    if (known !== undefined && known.until > now) return known.client
    if (fetches.waitOf("all", now) > 0) return undefined
    fetches.count("all", now)
    const answer = yield* Effect.result(egress.ask(base, { url: id }))
    if (answer._tag === "Failure") {
      yield* Effect.logInfo(`The document of a client could not be fetched: ${answer.failure.message}`)
      return keep(id, { client: undefined, until: now + KEPT.failure })
    }
    const { body, freshFor, status } = answer.success
    const client = status === 200 ? clientIn(id, body) : undefined
    const kept = freshFor === undefined ? KEPT.usual : Math.min(Math.max(freshFor * 1000, KEPT.shortest), KEPT.longest)
    return keep(id, { client, until: now + (client === undefined ? KEPT.failure : kept) })
  })
})

/** One that wants to prove itself with more than its address cannot do so here, and is not let in with less. */
const clientIn = (id: string, body: unknown): Client | undefined => {
  const decoded = Schema.decodeUnknownOption(Document)(body)
  if (Option.isNone(decoded)) return undefined
  const { client_id, client_name, redirect_uris, token_endpoint_auth_method: method = "none" } = decoded.value
  if (client_id !== id || method !== "none" || redirect_uris.some((uri) => redirectMistake(uri) !== undefined)) return undefined
  return { id, name: client_name ?? new URL(id).host, known: "document", redirectUris: redirect_uris, secret: undefined }
}
