/**
 * Who still has to consent where, and how they get there: a link with a ticket, which is good for one user
 * and ten minutes, and shows nothing of that user. Strategies offer the way; the front for browsers leads along it.
 */
import { Clock, Context, Effect, Layer, Option, Schema } from "effect"
import { Base64Url } from "effect/encoding"
import { sha256 } from "../lib/Sha256.ts"
import { utf8 } from "../lib/Utf8.ts"
import type { Consent, Principal } from "../plugin/Auth.ts"
import { Store, versionAfter } from "../store/Store.ts"
import type { StoreFailed } from "../store/StoreFailed.ts"
import { Base } from "./Base.ts"

/** What a link leads to. */
export const Invited = Schema.Struct({
  server: Schema.String,
  issuer: Schema.String,
  subject: Schema.String,
  scopes: Schema.Array(Schema.String),
  /** Under which the client is told that it is done. */
  elicitation: Schema.String
})
export type Invited = typeof Invited.Type

export interface Invitation {
  readonly url: string
  readonly elicitation: string
}

/** A consent that somebody has been asked for. */
export interface Pending {
  readonly principal: Pick<Principal, "issuer" | "subject">
  readonly url: string
  /** Milliseconds since 1970. */
  readonly expires: number
}

/** Whose authorization at which server's endpoint has to begin anew. */
export interface Lapse {
  readonly server: string
  readonly principal: Pick<Principal, "issuer" | "subject">
}

type Asked = Pick<Invited, "server" | "scopes"> & { readonly principal: Principal }

export class Consents extends Context.Service<Consents, {
  /** From now on users can consent for this server; gives how to take that back. */
  readonly offer: (server: string, consent: Consent) => () => void
  readonly of: (server: string) => Consent | undefined
  readonly offered: () => ReadonlyArray<readonly [server: string, consent: Consent]>
  /** The link for this user; the same one for as long as it is good for a while. */
  readonly invite: (asked: Asked) => Effect.Effect<Invitation, StoreFailed>
  /** What a ticket is for; nothing for one that is unknown, spent or over. */
  readonly invited: (ticket: string) => Effect.Effect<Invited | undefined, StoreFailed>
  readonly spend: (ticket: string) => Effect.Effect<void, StoreFailed>
  readonly pending: (server: string) => ReadonlyArray<Pending>
  /** Tells everybody that what a user granted counts no more, where it was a part of their client's own authorization. */
  readonly lapsed: (lapse: Lapse) => void
  readonly onLapsed: (listener: (lapse: Lapse) => void) => () => void
  /** Tells everybody that a user consented. */
  readonly granted: (invited: Invited) => void
  readonly onGranted: (listener: (invited: Invited) => void) => () => void
}>()("manifold/guard/Consents") {
  static readonly layer = Layer.effect(Consents, Effect.gen(function*() {
    const store = yield* Store
    const base = yield* Base
    const clock = yield* Clock.Clock
    const offers = new Map<string, Consent>()
    const waiting = new Map<string, Pending & { readonly server: string; readonly elicitation: string }>()
    const listeners = new Set<(invited: Invited) => void>()
    const ends = new Set<(lapse: Lapse) => void>()

    const sweep = (now: number) => {
      for (const [name, { expires }] of waiting) if (expires <= now || waiting.size > MOST) waiting.delete(name)
    }

    const invite = Effect.fnUntraced(function*({ principal: { issuer, subject }, scopes, server }: Asked) {
      const now = yield* Clock.currentTimeMillis
      const name = JSON.stringify([server, issuer, subject, scopes])
      sweep(now)
      const known = waiting.get(name)
      if (known !== undefined && known.expires - now > STILL_GOOD) return known
      const ticket = randomText()
      const expires = now + LIFE
      const elicitation = crypto.randomUUID()
      const value = utf8.to(encode({ server, issuer, subject, scopes, elicitation }))
      yield* Effect.catchTag(
        store.apply([{ table: TICKETS, key: yield* sha256(ticket), becomes: { value, version: versionAfter(undefined, now), written: now, expires } }]),
        "RowChanged",
        Effect.die
      )
      const made = { server, principal: { issuer, subject }, url: `${base.current()}${CONNECT_PATH}?ticket=${ticket}`, expires, elicitation }
      waiting.set(name, made)
      return made
    })

    const invited = Effect.fnUntraced(function*(ticket: string) {
      const row = yield* store.get(TICKETS, yield* sha256(ticket))
      return row === undefined ? undefined : Option.getOrUndefined(decode(utf8.from(row.value)))
    })

    const spend = Effect.fnUntraced(function*(ticket: string) {
      yield* Effect.catchTag(store.apply([{ table: TICKETS, key: yield* sha256(ticket) }]), "RowChanged", Effect.die)
    })

    const granted = (done: Invited) => {
      for (const [name, { principal, server }] of waiting) {
        if (server === done.server && principal.issuer === done.issuer && principal.subject === done.subject) waiting.delete(name)
      }
      for (const listener of listeners) listener(done)
    }

    return Consents.of({
      offer: (server, consent) => {
        offers.set(server, consent)
        return () => offers.get(server) === consent ? offers.delete(server) : false
      },
      of: (server) => offers.get(server),
      offered: () => [...offers],
      invite,
      invited,
      spend,
      pending: (server) => {
        sweep(clock.currentTimeMillisUnsafe())
        return [...waiting.values()].filter((one) => one.server === server)
      },
      lapsed: (lapse) => ends.forEach((listener) => listener(lapse)),
      onLapsed: (listener) => {
        ends.add(listener)
        return () => ends.delete(listener)
      },
      granted,
      onGranted: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      }
    })
  }))
}

export const CONNECT_PATH = "/oauth/connect"

const TICKETS = "consent_tickets"
const LIFE = 600_000
/** A link that is to be opened has to be good for a while, in milliseconds. */
const STILL_GOOD = 120_000
/** Most invitations that are remembered here. */
const MOST = 10_000

const encode = Schema.encodeSync(Schema.fromJsonString(Invited))
const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Invited))

const randomText = (): string => Base64Url.encode(crypto.getRandomValues(new Uint8Array(32)))
