/**
 * The questions of a modern backend to a client that is asked the legacy way: its
 * `input_required` results become requests on the stream of the call, and the answers
 * go back with a retry, until there is a result (2026-07-28, basic/patterns/mrtr).
 */
import { Effect } from "effect"
import type { BackendFailed } from "../backend/BackendFailed.ts"
import type { Question, Reply } from "../backend/Connection.ts"
import type { Call } from "../backend/Era.ts"
import { members, valueOf } from "../lib/Json.ts"

export type Ask = (question: Question) => void

/** Most rounds of one call: a backend that never has enough does not hold a user for ever. */
const ROUNDS = 10

interface Asked {
  readonly key: string
  readonly method: string
  readonly params: string | undefined
}

/** What a backend wants to know before it goes on. */
interface InputRequired {
  readonly requests: ReadonlyArray<Asked>
  /** JSON text, returned exactly as it came. */
  readonly state: string | undefined
}

const MARK = Buffer.from("\"input_required\"")

/**
 * @param patience longest wait, in milliseconds, for one answer of the client
 * @param send one round: the call to the backend, and what it says
 */
export const inRounds = Effect.fnUntraced(function*(
  call: Call,
  { ask, patience, send }: {
    readonly ask: Ask
    readonly patience: number
    readonly send: (call: Call) => Effect.Effect<Reply, BackendFailed>
  }
): Effect.fn.Return<Reply, BackendFailed> {
  let round = call
  for (let count = 0; count < ROUNDS; count++) {
    const reply = yield* send(round)
    const required = reply.kind === "result" ? inputRequired(reply.result) : undefined
    if (required === undefined) return reply
    const answers = yield* answersTo(required.requests, { ask, patience })
    if (answers === undefined) return refusal("The client did not answer a question of the server")
    const more = [
      ...(answers === "" ? [] : [`"inputResponses":{${answers}}`]),
      ...(required.state === undefined ? [] : [`"requestState":${required.state}`])
    ]
    round = { ...call, params: [call.params, ...more].filter((part) => part !== "").join(",") }
  }
  return refusal(`The server was not content after ${ROUNDS} rounds of questions`)
})

export const refusal = (message: string): Reply => {
  const code = -32603
  return { kind: "error", era: "modern", error: { code, message, raw: JSON.stringify({ code, message }) } }
}

interface Asking {
  readonly ask: Ask | undefined
  readonly patience: number
}

/** Asks one after the other; members as JSON text, or `undefined` when one was refused. */
const answersTo = Effect.fnUntraced(function*(requests: ReadonlyArray<Asked>, { ask, patience }: Asking) {
  const answers: Array<string> = []
  for (const { key, method, params } of requests) {
    const answer = ask === undefined ? undefined : yield* answerOf(ask, method, params, patience)
    if (answer === undefined) return undefined
    answers.push(`${JSON.stringify(key)}:${answer}`)
  }
  return answers.join(",")
})

/** Asks what a result wants to know, but for what is `answered` already; answers as `answersTo` does. */
export const answersOf = (text: string, asking: Asking, answered: Set<string>): Effect.Effect<string | undefined> => {
  const open = requestsIn(text).filter(({ key }) => !answered.has(key))
  for (const { key } of open) answered.add(key)
  return answersTo(open, asking)
}

/** The bare result of one question as JSON text; `undefined` when the client refused it or said nothing in time. */
const answerOf = (ask: Ask, method: string, params: string | undefined, patience: number) =>
  Effect.callback<string | undefined>((resume) => {
    ask({
      method,
      params: method === "elicitation/create" ? withElicitationId(params) : params,
      answer: (member) => resume(Effect.succeed(member.startsWith("\"result\":") ? member.slice("\"result\":".length) : undefined))
    })
  }).pipe(Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.succeed(undefined) }))

/** Legacy URL elicitation has an id that the modern revision dropped. */
const withElicitationId = (params: string | undefined): string | undefined => {
  const found = params === undefined ? undefined : members(params)
  if (params === undefined || found === undefined) return params
  if (valueOf(params, found, "mode") !== "\"url\"" || found.some(({ key }) => key === "elicitationId")) return params
  const end = params.lastIndexOf("}")
  return `${params.slice(0, end)},"elicitationId":"${crypto.randomUUID()}"}`
}

/** JSON text of what a client is to send back with its answers; nothing where nothing is asked. */
export const stateIn = (result: Buffer): string | undefined => inputRequired(result)?.state

const inputRequired = (result: Buffer): InputRequired | undefined => {
  if (!result.includes(MARK)) return undefined
  const text = result.toString("utf8")
  const found = members(text)
  if (found === undefined || valueOf(text, found, "resultType") !== "\"input_required\"") return undefined
  return { requests: requestsIn(text), state: valueOf(text, found, "requestState") }
}

const requestsIn = (text: string): ReadonlyArray<Asked> => {
  const place = members(text)?.find(({ key }) => key === "inputRequests")
  const asked = place === undefined ? [] : members(text, place.start) ?? []
  return asked.map(({ end, key, start }) => {
    const request = text.slice(start, end)
    const parts = members(request) ?? []
    return { key, method: nameOf(valueOf(request, parts, "method")), params: valueOf(request, parts, "params") }
  })
}

/** The method a JSON string names; nothing that a method cannot be called. */
const nameOf = (text: string | undefined): string => /^"([A-Za-z0-9_/-]{1,128})"$/u.exec(text ?? "")?.[1] ?? ""
