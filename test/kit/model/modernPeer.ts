/** A client of revision 2026-07-28 that shows everything it is sent. */
import { exchange, type Message } from "./exchange.ts"
import { type Calling, namesBy, type Odd, type Outcome, type Peer, progressIn, questionsIn, type Running, subjectOf, textIn } from "./peer.ts"

const VERSION = "2026-07-28"
const SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"

const envelope = {
  "io.modelcontextprotocol/protocolVersion": VERSION,
  "io.modelcontextprotocol/clientCapabilities": { elicitation: {} },
  "io.modelcontextprotocol/clientInfo": { name: "model", version: "1" }
}

let last = 0

interface Params {
  readonly name?: string
  readonly _meta?: object
  readonly [key: string]: unknown
}

const send = (url: string, method: string, params: Params, heard: (id: number, message: Message) => void) => {
  const id = ++last
  const headers = { "mcp-protocol-version": VERSION, "mcp-method": method, ...(params.name === undefined ? {} : { "mcp-name": params.name }) }
  const body = { jsonrpc: "2.0", id, method, params: { ...params, _meta: { ...envelope, ...params._meta } } }
  return { id, ...exchange(url, { headers, body, heard: (message) => heard(id, message) }) }
}

/**
 * Begins with a listen for changes of the tools.
 * @param hears called at each notification beside calls
 */
export const modernPeer = async (url: string, odd: Odd, hears: (subject: string) => void = () => {}): Promise<Peer> => {
  const heard: Array<string> = []
  const leaving: Array<() => void> = []

  const listen = async (notifications: object, subject: string) => {
    const acknowledged = Promise.withResolvers<void>()
    const listening = send(url, "subscriptions/listen", { notifications }, (id, message) => {
      const meta = message.params?.["_meta"]
      const isTagged = typeof meta === "object" && meta !== null && Reflect.get(meta, SUBSCRIPTION) === id
      if (message.result !== undefined) return
      if (isTagged && message.method === "notifications/subscriptions/acknowledged") return acknowledged.resolve()
      if (!isTagged || subjectOf(message) !== subject) return odd(`on a listen for ${subject}: ${JSON.stringify(message)}`)
      heard.push(subject)
      hears(subject)
    })
    void listening.ended.then(() => acknowledged.resolve())
    leaving.push(listening.abort)
    await acknowledged.promise
    return listening.abort
  }
  await listen({ toolsListChanged: true }, "tools")

  return {
    era: "modern",
    heard,
    call: (calling) => runCall(url, calling, odd),
    tools: () =>
      namesBy(async (params) => {
        let answer: Message = {}
        await send(url, "tools/list", { ...params }, (_, message) => {
          answer = message
        }).ended
        return answer
      }),
    hearOf: async (uri) => {
      const stop = await listen({ resourceSubscriptions: [uri] }, uri)
      return async () => stop()
    },
    another: () => modernPeer(url, odd),
    leave: async () => {
      for (const stop of leaving) stop()
    }
  }
}

const runCall = (url: string, { answer, args, name }: Calling, odd: Odd): Running => {
  const progress: Array<number> = []
  const over = new AbortController()

  const round = async (more: object): Promise<Outcome> => {
    const token = `token-${++last}`
    let reply: Message | undefined
    const sent = send(url, "tools/call", { name, arguments: args, _meta: { progressToken: token }, ...more }, (id, message) => {
      const step = progressIn(message, token)
      if (reply !== undefined) odd(`after the answer: ${JSON.stringify(message)}`)
      else if (step !== undefined) progress.push(step)
      else if (message.id === id && message.method === undefined) reply = message
      else odd(`on the stream of ${name}: ${JSON.stringify(message)}`)
    })
    over.signal.addEventListener("abort", sent.abort)
    await sent.ended
    if (over.signal.aborted) return { kind: "cancelled", text: "", progress }
    if (reply === undefined) return { kind: "lost", text: `status ${await sent.status}`, progress }
    const questions = questionsIn(reply)
    if (questions.length === 0 || answer === undefined) return { ...textIn(reply), progress }
    const answers = await Promise.all(questions.map(async ([key, message]) => [key, { action: "accept", content: { answer: await answer(message) } }] as const))
    const inputResponses = Object.fromEntries(answers)
    const requestState = reply.result?.["requestState"]
    return round({ inputResponses, ...(requestState === undefined ? {} : { requestState }) })
  }
  return { outcome: round({}), cancel: async () => over.abort() }
}
