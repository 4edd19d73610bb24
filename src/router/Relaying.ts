/**
 * Takes one request over one conversation with its server: under the caller's credential, in the
 * words of the server's era, and with what that era cannot do itself done around it.
 */
import { Effect } from "effect"
import { BackendFailed } from "../backend/BackendFailed.ts"
import type { Connection, Reply } from "../backend/Connection.ts"
import { type Call, type Era, headerValue } from "../backend/Era.ts"
import { NO_HEADERS, type Party } from "../backend/Party.ts"
import type { Instance } from "../backend/Spec.ts"
import type { Served } from "../catalogue/Catalogue.ts"
import { headersFor } from "../catalogue/ParamHeaders.ts"
import { members } from "../lib/Json.ts"
import { ownerOf } from "../guard/Principals.ts"
import { none } from "../plugin/Auth.ts"
import type { ConsentNeeded, Credential, CredentialRefused } from "../plugin/Auth.ts"
import { HARD } from "./Deadline.ts"
import { type Caller, param, partyOf, type Request } from "./Request.ts"
import { revealed } from "./Revealed.ts"
import { inRounds, stateIn } from "./Rounds.ts"
import type { Target } from "./Target.ts"
import { asCoreTask, declaring, driven, isTask, taskIdIn, wantsTask } from "./Tasks.ts"
import { waiting } from "./Waiting.ts"

export interface Relaying {
  readonly caller: Caller
  readonly instance: Instance
  readonly request: Request
  readonly server: Served
  readonly target: Target
  readonly sent: Sent
}

/** Is told with which credential the call goes out, and to which replica. */
export interface Sent {
  credential?: Credential
  replica?: number
}

export const relay = Effect.fnUntraced(function*(
  relaying: Relaying
): Effect.fn.Return<Reply, BackendFailed | CredentialRefused | ConsentNeeded> {
  const { caller, instance, request, sent, server, target } = relaying
  const credential = yield* server.strategy.credential(caller.principal, { id: server.id })
  sent.credential = credential
  const headers = credential === none ? NO_HEADERS : revealed(credential)
  // An instance that this user's credential opened is nobody else's: all calls on it share.
  const isOwn = server.personal?.isShared() === false
  const party = isOwn ? partyOf(caller, "shared") : partyOf(caller, server.sharing, headers)
  if (instance.replicaFor === undefined) return yield* through(instance, party, relaying, headers)
  const state = param(request, "requestState")
  const replica = instance.replicaFor({ owner: ownerOf(caller.principal), sharer: party.sharer, replica: target.replica, state })
  sent.replica = replica.index
  const ended = replica.began()
  const reply = yield* Effect.ensuring(through(replica.instance, party, relaying, headers), Effect.sync(ended))
  const next = reply.kind === "result" ? stateIn(reply.result) : undefined
  if (next !== undefined) replica.keep(next)
  return reply
})

const through = (instance: Instance, party: Party, relaying: Relaying, headers: Call["headers"]): Effect.Effect<Reply, BackendFailed> => {
  const connection = instance.direct(party)
  return connection === undefined
    ? Effect.scoped(Effect.flatMap(inTime(instance.lease(party), relaying.server), (leased) => over(leased, relaying, headers)))
    : over(connection, relaying, headers)
}

/** A conversation that has to be opened first has the time of a call for that. */
const inTime = <R>(lease: Effect.Effect<Connection, BackendFailed, R>, { id, timeout }: Served) =>
  Effect.timeoutOrElse(lease, {
    duration: timeout,
    orElse: () => new BackendFailed({ backend: id, reason: "timed_out", detail: `did not open a conversation within ${timeout} ms` })
  })

const over = (connection: Connection, relaying: Relaying, headers: Call["headers"]): Effect.Effect<Reply, BackendFailed> => {
  const { caller, target } = relaying
  const call = callFor(connection.era, relaying, headers)
  if (caller.era === "legacy" && target.definition?.output !== undefined) return Effect.map(answered(connection, relaying, call), belowResult)
  return answered(connection, relaying, call)
}

const answered = (connection: Connection, { caller, request, server, target }: Relaying, call: Call): Effect.Effect<Reply, BackendFailed> => {
  const send = (one: Call) => waiting(connection, one, caller, server)
  const { ask } = caller.listener
  if (connection.era === "legacy") return target.definition?.isOnlyTask === true ? asCoreTask(call, { send, post: posting(connection) }) : send(call)
  // A modern client answers such results itself; a legacy one is asked by requests.
  if (caller.era === "modern") return send(call)
  const patience = server.timeout * HARD
  const inTurns = (one: Call) => ask === undefined ? send(one) : inRounds(one, { ask, patience, send })
  return Effect.flatMap(inTurns(call), (reply) => {
    if (!wantsTask(reply)) return Effect.succeed(reply)
    return Effect.flatMap(inTurns(declaring(call)), (begun) => {
      const id = begun.kind === "result" && isTask(begun.result) ? taskIdIn(begun.result) : undefined
      const progress = progressTo(caller, request)
      return id === undefined ? Effect.succeed(begun) : driven(declaring(call), id, { send, post: posting(connection), ask, patience, progress })
    })
  })
}

/** Output that is no object as legacy revisions can have it: below `result`, as the schema in the list says. */
const belowResult = (reply: Reply): Reply => {
  if (reply.kind === "error") return reply
  const text = reply.result.toString("latin1")
  const place = members(text)?.find(({ key }) => key === "structuredContent")
  if (place === undefined) return reply
  const { result } = reply
  const parts = [result.subarray(0, place.start), Buffer.from(`{"result":`), result.subarray(place.start, place.end), Buffer.from("}"), result.subarray(place.end)]
  return { ...reply, result: Buffer.concat(parts) }
}

const callFor = (era: Era, { caller, request, target }: Relaying, headers: Call["headers"]): Call => ({
  method: request.method,
  params: target.params(era),
  meta: request.meta,
  envelope: caller.envelope,
  headers: era === "legacy" ? headers : withParamHeaders(headers, request, target),
  ...(request.progressToken === undefined ? {} : { progressToken: request.progressToken }),
  ...(request.method === "completion/complete" ? {} : { name: target.name })
})

const withParamHeaders = (headers: Call["headers"], request: Request, { definition }: Target): Call["headers"] => {
  if (definition === undefined || definition.paramHeaders.length === 0) return headers
  const all: Record<string, string> = { ...headers }
  for (const { header, value } of headersFor(definition.paramHeaders, JSON.parse(param(request, "arguments") ?? "{}"))) {
    all[header] = headerValue(value)
  }
  return all
}

const posting = (connection: Connection) => (call: Call): void => {
  connection.call(call, { notify: () => {}, log: () => {}, done: () => {} })
}

/** A task has no progress of its own: each look at it counts, under the client's token. */
const progressTo = ({ listener }: Caller, { progressToken }: Request) => {
  let count = 0
  return (message: string | undefined): void => {
    if (progressToken === undefined) return
    const said = message === undefined ? "" : `,"message":${JSON.stringify(message)}`
    listener.notify(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${progressToken},"progress":${++count}${said}}}`)
  }
}
