/**
 * Sessions of legacy clients. An id is random, belongs to the principal that opened
 * it, and ends by the client's wish or when it is not used for half an hour.
 */
import { Clock, Context, Duration, Effect, Layer, Schedule } from "effect"
import type { Question } from "../backend/Connection.ts"
import { LogLevels } from "../backend/LogLevels.ts"
import { Catalogue, type Change, type Published } from "../catalogue/Catalogue.ts"
import type { Principal } from "../plugin/Auth.ts"
import { isSamePrincipal } from "../guard/Principals.ts"
import { EventLogs } from "./EventLog.ts"
import { LIST_CHANGED } from "./Listens.ts"
import { Shares } from "./Shares.ts"
import { uriAt } from "./UriAt.ts"

/** A stream on which the client hears what belongs to no request. */
export interface Stream {
  readonly send: (text: string) => void
  readonly end: () => void
}

export interface Session {
  readonly id: string
  /** As its last credential says it is, without the credential. */
  principal: Principal
  /** The one server that its endpoint is for. */
  readonly server: string | undefined
  readonly version: string
  /** JSON text of those capabilities that a backend may use (elicitation, sampling, roots); `{}` for none. */
  readonly capabilities: string
  /** JSON text of all that it declared, for servers that are told with each request. */
  readonly declared: string
  /** JSON text of the client's `clientInfo`. */
  readonly client: string | undefined
  level: string | undefined
  /** Takes back that somebody wants to hear this level. */
  unwant: () => void
  lastSeen: number
  stream: Stream | undefined
  /** Notifications for a client whose stream is not open yet; each once. */
  readonly missed: Set<string>
  /** How to take back each subscription, by URI. */
  readonly subscribed: Map<string, () => void>
  /** How to cancel each request in flight, by its id as JSON text. */
  readonly running: Map<string, () => void>
  /** Questions to the client, by the id that the gateway gave them, as JSON text. */
  readonly questions: Map<string, Question>
  asked: number
  /** Addresses that the client was told to open, by the ids under which servers will say that this is done. */
  readonly elicitations: Set<string>
  /** Streams that the client can come back to. */
  readonly logs: EventLogs
}

/** Most sessions at once; the next `initialize` is refused. */
export const MOST_SESSIONS = 10_000
/** Most of one principal. */
export const MOST_OF_ONE = 1000
const IDLE = Duration.minutes(30)
const MISSED = 100

export class Sessions extends Context.Service<Sessions, {
  /** Says whether there are too many, or too many of this principal. */
  readonly open: (
    opening: Pick<Session, "principal" | "server" | "version" | "capabilities" | "declared" | "client">
  ) => Effect.Effect<Session | "all" | "own">
  /** The session of this id if it belongs to this principal, and to this endpoint. */
  readonly find: (id: string, by: Pick<Session, "principal" | "server">) => Effect.Effect<Session | undefined>
  readonly setLevel: (session: Session, level: string) => void
  readonly close: (session: Session) => void
  readonly all: () => Iterable<Session>
}>()("manifold/mcp/Sessions") {
  static readonly layer = Layer.effect(Sessions, Effect.gen(function*() {
    const catalogue = yield* Catalogue
    const levels = yield* LogLevels
    const sessions = new Map<string, Session>()
    const shares = new Shares(MOST_OF_ONE)
    const taken = new WeakMap<Session, () => void>()

    const open = ({ capabilities, client, declared, principal, server, version }: Parameters<Sessions["Service"]["open"]>[0]) =>
      Effect.map(Clock.currentTimeMillis, (lastSeen): Session | "all" | "own" => {
        if (sessions.size >= MOST_SESSIONS) return "all"
        const giveBack = shares.take(principal)
        if (giveBack === undefined) return "own"
        const session = sessionWith({ id: crypto.randomUUID(), principal: withoutCredential(principal), server, version, capabilities, declared, client, lastSeen })
        sessions.set(session.id, session)
        taken.set(session, giveBack)
        return session
      })

    const find = (id: string, { principal, server }: Pick<Session, "principal" | "server">) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const session = sessions.get(id)
        if (session === undefined || !isSamePrincipal(session.principal, principal) || session.server !== server) return undefined
        session.lastSeen = now
        if (session.principal.claims !== principal.claims || session.principal.scopes !== principal.scopes) session.principal = withoutCredential(principal)
        return session
      })

    const setLevel = (session: Session, level: string) => {
      const before = session.unwant
      session.level = level
      session.unwant = levels.want(level)
      before()
    }

    const close = (session: Session) => {
      sessions.delete(session.id)
      taken.get(session)?.()
      session.unwant()
      session.stream?.end()
      for (const release of session.subscribed.values()) release()
      for (const cancel of session.running.values()) cancel()
      for (const { slot } of catalogue.current().served.values()) slot.current()?.over(session.id)
    }

    yield* Effect.acquireRelease(
      Effect.sync(() => catalogue.onChange((change) => {
        for (const session of sessions.values()) hear(session, change, catalogue.current())
      })),
      (stop) => Effect.sync(() => {
        stop()
        for (const session of sessions.values()) session.stream?.end()
      })
    )
    yield* Effect.map(Clock.currentTimeMillis, (now) => {
      for (const session of sessions.values()) {
        const isIdle = session.stream === undefined && session.running.size === 0
        if (isIdle && now - session.lastSeen > Duration.toMillis(IDLE)) close(session)
      }
    }).pipe(Effect.schedule(Schedule.spaced("1 minute")), Effect.forkScoped)

    return Sessions.of({ open, find, setLevel, close, all: () => sessions.values() })
  }))
}

const sessionWith = (given: Pick<Session, "id" | "principal" | "server" | "version" | "capabilities" | "declared" | "client" | "lastSeen">): Session => ({
  ...given,
  level: undefined,
  unwant: () => {},
  stream: undefined,
  missed: new Set(),
  subscribed: new Map(),
  running: new Map(),
  questions: new Map(),
  asked: 0,
  elicitations: new Set(),
  logs: new EventLogs()
})

/** Sends a notification on the session's own stream, or keeps it until there is one. */
const tell = (session: Session, text: string) => {
  if (session.stream !== undefined) session.stream.send(text)
  else if (session.missed.size < MISSED) session.missed.add(text)
}

/** Says that a resource has changed, by its public URI. */
export const tellUpdated = (session: Session, uri: string) =>
  tell(session, JSON.stringify({ jsonrpc: "2.0", method: "notifications/resources/updated", params: { uri } }))

/** A session outlives the token that it began with, which is of no use to it. */
const withoutCredential = ({ subjectToken: _, ...principal }: Principal): Principal => principal

const hear = (session: Session, change: Change, published: Published) => {
  // Legacy clients are told nothing of tasks.
  if (change._tag === "Task") return
  if (change._tag === "Elicited") {
    if (session.elicitations.delete(change.id)) tell(session, change.text)
    return
  }
  if (change._tag === "Updated") {
    const uri = uriAt(published, session, change)
    return uri !== undefined && session.subscribed.has(uri) ? tellUpdated(session, uri) : undefined
  }
  for (const method of new Set([...change.kindsFor(session.server, session.principal)].map((kind) => LIST_CHANGED[kind]))) {
    tell(session, JSON.stringify({ jsonrpc: "2.0", method }))
  }
}

/** Most addresses that a session waits for. */
const ELICITATIONS = 64

/** Remembers addresses that the client is told to open, the newest ones. */
export const elicited = ({ elicitations }: Session, ids: ReadonlyArray<string>) => {
  for (const id of ids) elicitations.add(id)
  for (const oldest of elicitations) {
    if (elicitations.size <= ELICITATIONS) return
    elicitations.delete(oldest)
  }
}

/** Makes `stream` the one on which this client hears notifications; an older one ends. */
export const attachStream = (session: Session, stream: Stream) => {
  const before = session.stream
  session.stream = stream
  before?.end()
  for (const text of session.missed) stream.send(text)
  session.missed.clear()
}
