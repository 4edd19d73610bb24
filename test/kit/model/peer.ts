/** What the clients of the randomised test have in common: a call that is running, and what is heard beside calls. */
import type { Message } from "./exchange.ts"

export interface Outcome {
  readonly kind: "text" | "error" | "cancelled" | "lost"
  /** The text of the result, or the message of the error. */
  readonly text: string
  readonly progress: ReadonlyArray<number>
}

export interface Running {
  readonly outcome: Promise<Outcome>
  readonly cancel: () => Promise<void>
  /** Breaks the connection off and comes back for the rest. */
  readonly lose?: () => Promise<void>
}

export interface Calling {
  readonly name: string
  readonly args: Readonly<Record<string, unknown>>
  /** The answer to a question with this message. */
  readonly answer?: (message: string) => string | Promise<string>
}

export interface Peer {
  readonly era: "legacy" | "modern"
  readonly call: (calling: Calling) => Running
  readonly tools: () => Promise<ReadonlyArray<string>>
  /** Hears of the resource from when this is done until what it gives is done. */
  readonly hearOf: (uri: string) => Promise<() => Promise<void>>
  /** Notifications beside calls, in the order they came: the URI, or `tools`. */
  readonly heard: ReadonlyArray<string>
  /** One more client of the same era. */
  readonly another: () => Promise<Peer>
  readonly leave: () => Promise<void>
}

/** Told about each message that nobody asked for. */
export type Odd = (what: string) => void

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null

export const textIn = ({ error, result }: Message): { readonly kind: "text" | "error"; readonly text: string } => {
  if (error !== undefined) return { kind: "error", text: error.message }
  const content = result?.["content"]
  const first: unknown = Array.isArray(content) ? content[0] : undefined
  return { kind: result?.["isError"] === true ? "error" : "text", text: isRecord(first) ? String(first["text"]) : "" }
}

/** The number of a progress notification with this token; `undefined` for any other message. */
export const progressIn = ({ method, params }: Message, token: unknown): number | undefined =>
  method === "notifications/progress" && params?.["progressToken"] === token ? Number(params?.["progress"]) : undefined

/** A notification beside calls, as `heard` names it. */
export const subjectOf = ({ method, params }: Message): string | undefined => {
  if (method === "notifications/tools/list_changed") return "tools"
  return method === "notifications/resources/updated" ? String(params?.["uri"]) : undefined
}

/** The message of an elicitation. */
export const questionIn = (params: unknown): string => isRecord(params) ? String(params["message"]) : ""

/** The names of all tools, page by page. */
export const namesBy = async (list: (params: object) => Promise<Message>): Promise<ReadonlyArray<string>> => {
  const names: Array<string> = []
  let params: object | undefined = {}
  while (params !== undefined) {
    const { result }: Message = await list(params)
    const tools = result?.["tools"]
    if (Array.isArray(tools)) names.push(...tools.map((tool: unknown) => isRecord(tool) ? String(tool["name"]) : ""))
    const cursor = result?.["nextCursor"]
    params = cursor === undefined ? undefined : { cursor }
  }
  return names
}

/** The questions of an `input_required` result: key and message. */
export const questionsIn = ({ result }: Message): ReadonlyArray<readonly [string, string]> => {
  const asked = result?.["resultType"] === "input_required" ? result["inputRequests"] : undefined
  return isRecord(asked) ? Object.entries(asked).map(([key, one]) => [key, isRecord(one) ? questionIn(one["params"]) : ""] as const) : []
}
