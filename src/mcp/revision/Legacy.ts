/** The four revisions with `initialize` and sessions: 2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25. */
import { Effect } from "effect"
import type { Question } from "../../backend/Connection.ts"
import { LEGACY_VERSION, LEGACY_VERSIONS } from "../../backend/Era.ts"
import { CLIENT_INFO } from "../../backend/Handshake.ts"
import { Catalogue, type Served } from "../../catalogue/Catalogue.ts"
import type { Consents } from "../../guard/Consents.ts"
import { isRecord } from "../../lib/Record.ts"
import { ownerOf } from "../../guard/Principals.ts"
import { Router } from "../../router/Router.ts"
import { askable, declared } from "../Askable.ts"
import { CODE, errorOf, type Exchange, resultOf } from "../Exchange.ts"
import { failureFor } from "../Failures.ts"
import { CAPABILITIES, instructionsOf, SERVER_INFO } from "../Identity.ts"
import type { Message } from "../Inbound.ts"
import { isLevel, reaches } from "../Levels.ts"
import { LIST_METHODS, listAnswer } from "../Lists.ts"
import { metaOf, requestOf } from "../Meta.ts"
import { answerTo, relay } from "../Relay.ts"
import { elicited, type Session, Sessions, tellUpdated } from "../Sessions.ts"
import { elicitationIdsIn } from "../UrlElicitation.ts"

const RELAYED = new Set(["tools/call", "prompts/get", "resources/read", "completion/complete"])

/** Longest `clientInfo` that a session remembers, in characters. */
const CLIENT_INFO_LIMIT = 4096

/** Most resources that one session may subscribe to. */
const SUBSCRIPTIONS = 1000

export const isSupported = (version: string): boolean => LEGACY_VERSIONS.includes(version)

/** Opens a session and answers; `undefined` when it was refused. */
export const initialize = Effect.fnUntraced(function*(
  { id, params, values }: Message,
  exchange: Exchange
) {
  if (id === undefined) return undefined
  const asked = values["protocolVersion"]
  if (typeof asked !== "string" || !isRecord(values["capabilities"])) {
    exchange.respond(400, errorOf(id, CODE.invalidParams, "initialize needs protocolVersion and capabilities"))
    return undefined
  }
  const version = isSupported(asked) ? asked : LEGACY_VERSION
  const client = params.find(({ key }) => key === "clientInfo")
  const session = yield* (yield* Sessions).open({
    principal: exchange.principal,
    server: exchange.server,
    version,
    capabilities: askable(values["capabilities"]),
    declared: declared(values["capabilities"]),
    client: client === undefined || client.end - client.start > CLIENT_INFO_LIMIT
      ? undefined
      // A slice would keep the whole message.
      : JSON.stringify(values["clientInfo"])
  })
  if (session === "all" || session === "own") {
    const isOwn = session === "own"
    exchange.respond(isOwn ? 429 : 503, errorOf(id, CODE.internal, isOwn ? "You have too many sessions; end one first" : "There are too many sessions; try again later"))
    return undefined
  }
  const snapshot = (yield* Catalogue).current().at(exchange.server, exchange.principal)
  const result = { protocolVersion: version, capabilities: CAPABILITIES, serverInfo: SERVER_INFO, ...instructionsOf(snapshot) }
  exchange.respond(200, resultOf(id, JSON.stringify(result)), { "mcp-session-id": session.id })
  return session
})

export const handle = Effect.fnUntraced(function*(message: Message, exchange: Exchange, session: Session) {
  const { id, method } = message
  if (id === undefined) {
    notified(message, session, (yield* Catalogue).current().served)
    return exchange.end(202)
  }
  if (session.running.has(id)) {
    return exchange.respond(200, errorOf(id, CODE.invalidRequest, "A request with this id is still running"))
  }
  // Only this revision has the event without data that gives a client an id to come back with.
  if (session.version === LEGACY_VERSION) exchange.keep(() => session.logs.open())
  if (exchange.prefersStream) exchange.stream()
  const kind = LIST_METHODS.get(method)
  if (kind !== undefined) {
    const catalogue = yield* Catalogue
    yield* catalogue.current().look(session.server, exchange.principal)
    const snapshot = catalogue.current().at(session.server, exchange.principal)
    return exchange.respond(200, listAnswer(id, snapshot, { kind, era: "legacy", cursor: message.values["cursor"] }))
  }
  if (RELAYED.has(method)) return yield* relayed(id, message, exchange, session)
  if (method === "ping") return exchange.respond(200, resultOf(id, "{}"))
  if (method === "logging/setLevel") return yield* setLevel(id, message, exchange, session)
  if (method === "resources/subscribe" || method === "resources/unsubscribe") {
    return yield* subscribed(id, message, exchange, session)
  }
  return exchange.respond(200, errorOf(id, CODE.methodNotFound, `Unknown method: ${method}`))
})

const ROOTS_CHANGED = "notifications/roots/list_changed"

/** What a client tells the gateway, or the servers that hold something for it alone; the rest asks nothing of anybody. */
const notified = ({ method, values }: Message, session: Session, served: ReadonlyMap<string, Served>) => {
  if (method === ROOTS_CHANGED) {
    for (const { slot } of served.values()) {
      for (const sharer of [session.id, ownerOf(session.principal)]) slot.current()?.tell(sharer, ROOTS_CHANGED)
    }
    return
  }
  if (method !== "notifications/cancelled" || values["requestId"] === undefined) return
  session.running.get(JSON.stringify(values["requestId"]))?.()
}

const relayed = (id: string, message: Message, exchange: Exchange, session: Session) =>
  Effect.withFiber<void, never, Catalogue | Consents | Router>((fiber) => {
    const meta = metaOf(message)
    session.running.set(id, () => {
      fiber.interruptUnsafe()
      exchange.end(200)
    })
    return Effect.ensuring(
      relay({
        era: "legacy",
        id,
        session: session.id.slice(0, 8),
        answer: answerTo(exchange, id),
        elicited: (ids) => elicited(session, ids),
        request: requestOf(message, meta),
        caller: {
          era: "legacy",
          // The session's principal, as its last credential says it is.
          principal: exchange.principal,
          server: session.server,
          envelope: {
            capabilities: session.declared,
            client: session.client ?? CLIENT_INFO,
            ...(session.level === undefined ? {} : { logLevel: JSON.stringify(session.level) })
          },
          capabilities: session.capabilities,
          session: session.id,
          standing: (question) => askOutside(session, question),
          listener: {
            notify: exchange.send,
            paused: exchange.pause,
            log: (text) => {
              if (session.level === undefined || reaches(text, session.level)) exchange.send(text)
            },
            ask: (question) => ask(session, exchange.send, question)
          }
        }
      }),
      Effect.sync(() => session.running.delete(id))
    )
  })

/**
 * Most questions that one session leaves open; then the oldest is forgotten. They are kept beyond the call
 * they came with, since a server may go on without the answer and take it later.
 */
const QUESTIONS = 64

/** Puts a question that arose from no request on the session's own stream, if that is open. */
const askOutside = (session: Session, question: Question): boolean => {
  const { stream } = session
  if (stream === undefined) return false
  ask(session, stream.send, question)
  return true
}

/** Puts a backend's question to the client on the stream of the request it arose from. */
const ask = (session: Session, send: (text: string) => void, question: Question): void => {
  for (const oldest of session.questions.keys()) {
    if (session.questions.size < QUESTIONS) break
    session.questions.delete(oldest)
  }
  const key = JSON.stringify(`manifold-${++session.asked}`)
  session.questions.set(key, question)
  if (question.params !== undefined) elicited(session, elicitationIdsIn(question.params))
  const params = question.params === undefined ? "" : `,"params":${question.params}`
  send(`{"jsonrpc":"2.0","id":${key},"method":${JSON.stringify(question.method)}${params}}`)
}

const setLevel = Effect.fnUntraced(function*(id: string, { values }: Message, exchange: Exchange, session: Session) {
  const { level } = values
  if (!isLevel(level)) return exchange.respond(200, errorOf(id, CODE.invalidParams, "Unknown log level"))
  const sessions = yield* Sessions
  sessions.setLevel(session, level)
  exchange.respond(200, resultOf(id, "{}"))
})

const subscribed = Effect.fnUntraced(function*(id: string, { method, values }: Message, exchange: Exchange, session: Session) {
  const { uri } = values
  if (typeof uri !== "string") return exchange.respond(200, errorOf(id, CODE.invalidParams, "Missing parameter: uri"))
  const before = session.subscribed.get(uri)
  if (method === "resources/unsubscribe") {
    before?.()
    session.subscribed.delete(uri)
  } else if (before === undefined) {
    if (session.subscribed.size >= SUBSCRIPTIONS) {
      return exchange.respond(200, errorOf(id, CODE.internal, `A session subscribes to ${SUBSCRIPTIONS} resources at most`))
    }
    const caller = { capabilities: session.capabilities, principal: session.principal, server: session.server, session: session.id }
    const release = yield* Effect.result((yield* Router).subscribe(uri, caller, () => tellUpdated(session, uri)))
    if (release._tag === "Failure") {
      const { code, data, message } = failureFor("legacy", release.failure, id)
      return exchange.respond(200, errorOf(id, code, message, data))
    }
    session.subscribed.set(uri, release.success)
    yield* (yield* Router).hears
  }
  exchange.respond(200, resultOf(id, "{}"))
})

/** A client's answer to a question; answers nobody waits for are dropped. */
export const answered = (session: Session, id: string, member: string): void => {
  session.questions.get(id)?.answer(member)
  session.questions.delete(id)
}
