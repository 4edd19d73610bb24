/**
 * Bridges a legacy backend's questions to a modern client: the running call is parked,
 * the client gets an `input_required` result, and its retry brings the answers to the
 * call that waits (2026-07-28, basic/patterns/mrtr).
 */
import { Deferred, Effect, Exit } from "effect"
import { withProgressToken } from "../backend/Progress.ts"
import type { Consents } from "../guard/Consents.ts"
import type { Catalogue } from "../catalogue/Catalogue.ts"
import { members } from "../lib/Json.ts"
import { isRecord } from "../lib/Record.ts"
import type { Caller, Request } from "../router/Request.ts"
import type { Router } from "../router/Router.ts"
import { answerDefect } from "./Defect.ts"
import { type Answer, CODE, errorOf, type Exchange, resultOf, sizeOf } from "./Exchange.ts"
import type { Message } from "./Inbound.ts"
import { type Identity, isHandle, type Parked, Parking, type Turn } from "./Parking.ts"
import { ELICITATION_COMPLETE } from "./UrlElicitation.ts"
import { relay } from "./Relay.ts"

/** A call of a client that can be asked. */
export interface Asking {
  readonly id: string
  readonly message: Message
  readonly exchange: Exchange
  readonly caller: Caller
  readonly request: Request
  /** Whether the client wants to hear a log message. */
  readonly isLogged: (text: string) => boolean
}

/** Begins the call, or goes on with the one that waits for the answers this request brings. */
export const relayAsking = (asking: Asking) => {
  const state = asking.message.values["requestState"]
  return isHandle(state) ? goOn(asking, state) : begin(asking)
}

/** How long after a question another one may come that was asked with it. */
const TOGETHER = "30 millis"

/** What a retry adds to the parameters of the call, or may change in them. */
const ADDED = new Set(["_meta", "inputResponses", "requestState"])

const identityOf = ({ caller: { principal }, message: { method, values } }: Asking): Identity => {
  const asked = Object.entries(values).filter(([key]) => !ADDED.has(key))
  return { principal, method, params: JSON.stringify(Object.fromEntries(asked)) }
}

const turnOf = ({ exchange, id, request }: Asking): Turn => ({
  id,
  exchange,
  progressToken: request.progressToken,
  over: Deferred.makeUnsafe<void>()
})

const begin = Effect.fnUntraced(function*(asking: Asking) {
  const parking = yield* Parking
  const context = yield* Effect.context<Catalogue | Consents | Router>()
  const fork = Effect.runForkWith(context)
  const turn = turnOf(asking)
  const call: Parked = {
    identity: identityOf(asking),
    questions: new Map(),
    fiber: undefined,
    turn,
    ending: undefined,
    asked: 0,
    expires: 0,
    size: asking.message.text.length
  }
  const caller: Caller = {
    ...asking.caller,
    listener: {
      notify: (text) => tell(call, text),
      log: (text) => asking.isLogged(text) ? tell(call, text) : undefined,
      ask: (question) => {
        const asked = ++call.asked
        call.questions.set(`q${asked}`, question)
        // Questions that come together are put together.
        if (call.turn !== undefined) fork(Effect.delay(Effect.suspend(() => call.asked === asked ? put(parking, call) : Effect.void), TOGETHER))
      }
    }
  }
  const answer = inTurn(call, parking, () => void fork(put(parking, call)))
  call.fiber = fork(relay({ era: "modern", id: asking.id, answer, caller, request: asking.request }))
  call.fiber.addObserver((exit) => {
    // Stopped from elsewhere, or by a defect: whoever waits must hear of it.
    if (exit._tag === "Failure") {
      call.questions.clear()
      answer(500, (id) => errorOf(id, CODE.internal, "The call was stopped"))
    }
    answerDefect(exit, { exchange: asking.exchange, id: undefined, log: fork })
  })
  yield* held(call, turn)
})

/** Waits for the end of a turn; a client that goes away before has cancelled the call. */
const held = (call: Parked, turn: Turn) =>
  Deferred.await(turn.over).pipe(
    Effect.onInterrupt(() => Effect.sync(() => call.turn === turn ? call.fiber?.interruptUnsafe() : undefined))
  )

const end = (call: Parked, turn: Turn) => {
  if (call.turn === turn) call.turn = undefined
  Deferred.doneUnsafe(turn.over, Exit.void)
}

/** A notification on the stream of the turn, progress under that turn's own token. */
const tell = ({ turn }: Parked, text: string) => {
  if (text.includes(ELICITATION_COMPLETE)) return
  const fit = turn === undefined ? undefined : withProgressToken(text, turn.progressToken)
  if (fit !== undefined) turn?.exchange.send(fit)
}

/**
 * Answers whichever turn it is, under its own id; an answer that comes between turns is kept for the next,
 * and so is one that comes before a question has been put, since its server still waits to hear.
 */
const inTurn = (call: Parked, parking: Parking["Service"], putNow: () => void): Answer => (status, body) => {
  const ending = (turn: Turn) => {
    turn.exchange.respond(status, body(turn.id))
    end(call, turn)
  }
  if (call.turn !== undefined && call.questions.size === 0) return ending(call.turn)
  call.ending = parking.mayKeep(call, sizeOf(body("0"))) ? ending : tooLarge(call)
  if (call.turn !== undefined) putNow()
}

const tooLarge = (call: Parked) => (turn: Turn) => {
  turn.exchange.respond(200, errorOf(turn.id, CODE.internal, "The answer came while the user was asked, and was too large to be kept"))
  end(call, turn)
}

/** Ends the turn with the questions that are open, and parks the call. */
const put = Effect.fnUntraced(function*(parking: Parking["Service"], call: Parked) {
  const { turn } = call
  if (turn === undefined || call.questions.size === 0) return
  const { exchange, id } = turn
  call.turn = undefined
  const handle = yield* parking.park(call)
  if (handle === undefined) {
    if (call.ending !== undefined) return call.ending(turn)
    call.fiber?.interruptUnsafe()
    exchange.respond(200, errorOf(id, CODE.internal, "Too many calls wait for an answer of their users; try again later"))
    return end(call, turn)
  }
  const requests = [...call.questions].map(([key, { method, params }]) =>
    `${JSON.stringify(key)}:{"method":${JSON.stringify(method)}${params === undefined ? "" : `,"params":${params}`}}`
  )
  const result = `{"resultType":"input_required","inputRequests":{${requests.join(",")}},"requestState":${JSON.stringify(handle)}}`
  exchange.respond(200, resultOf(id, result))
  end(call, turn)
})

const goOn = Effect.fnUntraced(function*(asking: Asking, handle: string) {
  const parking = yield* Parking
  const call = yield* parking.take(handle, identityOf(asking))
  const turn = turnOf(asking)
  if (call === undefined) {
    const why = "This call does not wait for an answer: its state has expired, was used before, or is another call's. It was not run again"
    return asking.exchange.respond(200, errorOf(turn.id, CODE.invalidParams, why))
  }
  for (const [key, answer] of answersIn(asking.message)) {
    call.questions.get(key)?.answer(`"result":${answer}`)
    call.questions.delete(key)
  }
  if (call.ending !== undefined) return call.ending(turn)
  call.turn = turn
  // What was not answered is asked again.
  if (call.questions.size > 0) yield* put(parking, call)
  return yield* held(call, turn)
})

/** The bare results by key, as JSON text. */
const answersIn = ({ params, text, values }: Message): ReadonlyArray<readonly [string, string]> => {
  const place = params.find(({ key }) => key === "inputResponses")
  if (place === undefined || !isRecord(values["inputResponses"])) return []
  return (members(text, place.start) ?? []).map(({ end, key, start }) => [key, text.slice(start, end)] as const)
}
