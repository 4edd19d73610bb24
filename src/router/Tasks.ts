/**
 * Tasks. A modern client that declared the extension gets them under sealed ids (SEP-2663); for any
 * other client a task that its server insists on is driven to its end inside the client's own call.
 */
import { Effect } from "effect"
import type { BackendFailed } from "../backend/BackendFailed.ts"
import type { Reply } from "../backend/Connection.ts"
import { type Call, TASKS } from "../backend/Era.ts"
import { members, valueOf } from "../lib/Json.ts"
import { isRecord } from "../lib/Record.ts"
import { answersOf, type Ask, refusal } from "./Rounds.ts"

export const TASK_METHODS: ReadonlySet<string> = new Set(["tasks/get", "tasks/update", "tasks/cancel"])

const MISSING_CAPABILITY = -32021

/** Pause between two looks at a task, in milliseconds: what the server asks for, within these. */
const PAUSE = { shortest: 50, longest: 5000, usual: 500 }

const TASK = Buffer.from("\"task\"")

/** Where the id of a task stands in a result: that of a new task, or of one that was asked about. */
const placeOf = (result: Buffer) => {
  const text = result.toString("latin1")
  const place = members(text)?.find(({ key }) => key === "taskId")
  return place === undefined || text[place.start] !== "\"" ? undefined : place
}

export const isTask = (result: Buffer): boolean => {
  if (!result.includes(TASK)) return false
  const text = result.toString("latin1")
  return valueOf(text, members(text) ?? [], "resultType") === "\"task\""
}

export const taskIdIn = (result: Buffer): string | undefined => {
  const place = placeOf(result)
  return place === undefined ? undefined : JSON.parse(result.toString("utf8", place.start, place.end))
}

/** The result with another id in its place, every other byte as it was. */
export const withTaskId = (result: Buffer, id: string): Buffer => {
  const place = placeOf(result)
  return place === undefined
    ? result
    : Buffer.concat([result.subarray(0, place.start), Buffer.from(JSON.stringify(id)), result.subarray(place.end)])
}

/** Whether the server does this only as a task. */
export const wantsTask = (reply: Reply): boolean => {
  if (reply.kind === "result" || reply.error.code !== MISSING_CAPABILITY) return false
  const error: unknown = JSON.parse(reply.error.raw)
  return isRecord(at(error, "data", "requiredCapabilities", "extensions", TASKS))
}

const at = (value: unknown, ...path: ReadonlyArray<string>): unknown =>
  path.reduce<unknown>((inside, key) => isRecord(inside) ? inside[key] : undefined, value)

/** The call of a client that knows tasks. */
export const declaring = (call: Call): Call => {
  const declared: unknown = JSON.parse(call.envelope.capabilities)
  const capabilities = isRecord(declared) ? declared : {}
  const extensions = isRecord(capabilities["extensions"]) ? capabilities["extensions"] : {}
  const all = JSON.stringify({ ...capabilities, extensions: { ...extensions, [TASKS]: {} } })
  return { ...call, envelope: { ...call.envelope, capabilities: all } }
}

export interface Driving {
  readonly send: (call: Call) => Effect.Effect<Reply, BackendFailed>
  /** Sends without waiting for the answer. */
  readonly post: (call: Call) => void
  readonly ask: Ask | undefined
  /** Longest wait, in milliseconds, for the end of the task and for one answer of the client. */
  readonly patience: number
  /** Tells the client what the server says of the task. */
  readonly progress: (message: string | undefined) => void
}

const about = (call: Call, method: string, id: string, more = ""): Call => {
  const { progressToken: _, ...rest } = call
  return { ...rest, method, params: `"taskId":${JSON.stringify(id)}${more}`, name: id }
}

/** Brings a task to its end: looks at it, asks the client what it wants to know, and gives what came of it. */
export const driven = (call: Call, id: string, driving: Driving): Effect.Effect<Reply, BackendFailed> =>
  looking(call, id, driving).pipe(
    Effect.onInterrupt(() => Effect.sync(() => driving.post(about(call, "tasks/cancel", id)))),
    Effect.timeoutOrElse({
      duration: driving.patience,
      orElse: () => Effect.succeed(refusal(`The server did not finish its task within ${driving.patience} ms`))
    })
  )

const looking = Effect.fnUntraced(function*(call: Call, id: string, driving: Driving): Effect.fn.Return<Reply, BackendFailed> {
  const answered = new Set<string>()
  for (;;) {
    const reply = yield* driving.send(about(call, "tasks/get", id))
    if (reply.kind === "error") return reply
    const text = reply.result.toString("utf8")
    const task: unknown = JSON.parse(text)
    const ended = endOf(task, text)
    if (ended !== undefined) return ended
    const message = at(task, "statusMessage")
    driving.progress(typeof message === "string" ? message : undefined)
    if (at(task, "status") === "input_required") {
      const answers = yield* answersOf(text, driving, answered)
      if (answers === undefined) {
        driving.post(about(call, "tasks/cancel", id))
        return refusal("The client did not answer a question of the server")
      }
      if (answers !== "") yield* driving.send(about(call, "tasks/update", id, `,"inputResponses":{${answers}}`))
    }
    yield* Effect.sleep(pauseOf(at(task, "pollIntervalMs")))
  }
})

const pauseOf = (asked: unknown): number =>
  typeof asked === "number" ? Math.min(PAUSE.longest, Math.max(PAUSE.shortest, asked)) : PAUSE.usual

const endOf = (task: unknown, text: string): Reply | undefined => {
  const member = (key: string) => valueOf(text, members(text) ?? [], key)
  switch (at(task, "status")) {
    case "completed":
      return { kind: "result", era: "modern", result: Buffer.from(member("result") ?? "{}") }
    case "failed": {
      const code = at(task, "error", "code")
      const said = at(task, "error", "message")
      if (typeof code !== "number" || typeof said !== "string") return refusal("The task of the server failed")
      return { kind: "error", era: "modern", error: { code, message: said, raw: member("error") ?? "{}" } }
    }
    case "cancelled":
      return refusal("The server cancelled its task")
    default:
      return undefined
  }
}

/** A tool that a server of 2025-11-25 runs only as a task of that revision: begun as one, and its result awaited. */
export const asCoreTask = Effect.fnUntraced(function*(call: Call, { post, send }: Pick<Driving, "post" | "send">): Effect.fn.Return<Reply, BackendFailed> {
  const begun = yield* send({ ...call, params: `${call.params},"task":{}` })
  const id = begun.kind === "result" ? at(JSON.parse(begun.result.toString("utf8")), "task", "taskId") : undefined
  if (typeof id !== "string") return begun
  return yield* send(about(call, "tasks/result", id)).pipe(
    Effect.onInterrupt(() => Effect.sync(() => post(about(call, "tasks/cancel", id))))
  )
})
