/** A client of revision 2025-11-25 that shows everything it is sent. */
import { type Exchange, exchange, type Message } from "./exchange.ts"
import { type Calling, namesBy, type Odd, type Outcome, type Peer, progressIn, questionIn, type Running, subjectOf, textIn } from "./peer.ts"

const VERSION = "2025-11-25"

/** Opens a session that can be asked, and its GET stream. */
export const legacyPeer = async (url: string, odd: Odd): Promise<Peer> => {
  const opening = exchange(url, {
    headers: {},
    body: { jsonrpc: "2.0", id: "open", method: "initialize", params: { protocolVersion: VERSION, capabilities: { elicitation: {} }, clientInfo: { name: "model", version: "1" } } },
    heard: () => {}
  })
  await opening.ended
  const headers = { "mcp-protocol-version": VERSION, "mcp-session-id": String(opening.headers()["mcp-session-id"]) }
  const heard: Array<string> = []
  /** By what is watched, the subscription; a later one of the same is another. */
  const watched = new Map<string, number>([["tools", 0]])
  let last = 0
  let isOver = false

  const post = (body: object, hear: (message: Message) => void = () => {}) => exchange(url, { headers, body: { jsonrpc: "2.0", ...body }, heard: hear })

  const stream = exchange(url, {
    method: "GET",
    headers,
    heard: (message) => {
      // A session hears of every list.
      if (message.method === "notifications/resources/list_changed") return
      const subject = subjectOf(message)
      if (subject === undefined || !watched.has(subject)) odd(`on a GET stream: ${JSON.stringify(message)}`)
      else heard.push(subject)
    }
  })
  await stream.status

  const ask = async (method: string, params: object): Promise<Message> => {
    let answer: Message = {}
    await post({ id: ++last, method, params }, (message) => {
      answer = message
    }).ended
    return answer
  }

  return {
    era: "legacy",
    heard,
    call: (calling) => runCall({ calling, url, headers, id: ++last, post, odd, isOver: () => isOver }),
    tools: () => namesBy((params) => ask("tools/list", params)),
    hearOf: async (uri) => {
      const own = ++last
      watched.set(uri, own)
      await ask("resources/subscribe", { uri })
      return async () => {
        await ask("resources/unsubscribe", { uri })
        // What was sent before may still be on its way on the other stream.
        setTimeout(() => watched.get(uri) === own && watched.delete(uri), 500)
      }
    },
    another: () => legacyPeer(url, odd),
    leave: async () => {
      isOver = true
      await exchange(url, { method: "DELETE", headers, heard: () => {} }).ended
      stream.abort()
    }
  }
}

interface Call {
  readonly calling: Calling
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly id: number
  readonly post: (body: object, hear?: (message: Message) => void) => Exchange
  readonly odd: Odd
  readonly isOver: () => boolean
}

const runCall = ({ calling: { answer, args, name }, headers, id, isOver, odd, post, url }: Call): Running => {
  const token = `token-${id}`
  const progress: Array<number> = []
  let reply: Message | undefined
  let isCancelled = false
  let again: Promise<unknown> | undefined

  const hear = (message: Message) => {
    const step = progressIn(message, token)
    if (reply !== undefined) odd(`after the answer: ${JSON.stringify(message)}`)
    else if (step !== undefined) progress.push(step)
    else if (message.method === "elicitation/create" && answer !== undefined) {
      void Promise.resolve(answer(questionIn(message.params))).then((said) => post({ id: message.id, result: { action: "accept", content: { answer: said } } }))
    } else if (message.id === id && message.method === undefined) reply = message
    else odd(`on the stream of ${name}: ${JSON.stringify(message)}`)
  }
  const first = post({ id, method: "tools/call", params: { name, arguments: args, _meta: { progressToken: token } } }, hear)

  const finished = async (): Promise<Outcome> => {
    await first.ended
    await again
    if (reply !== undefined) return { ...textIn(reply), progress }
    return { kind: isCancelled || isOver() ? "cancelled" : "lost", text: `status ${await first.status}`, progress }
  }
  return {
    outcome: finished(),
    cancel: async () => {
      isCancelled = true
      await post({ method: "notifications/cancelled", params: { requestId: id } }).ended
    },
    lose: async () => {
      await first.status
      const at = first.lastEventId()
      if (at === undefined || reply !== undefined) return
      const comingBack = Promise.withResolvers<unknown>()
      again = comingBack.promise
      first.abort()
      const rest = exchange(url, { method: "GET", headers: { ...headers, "last-event-id": at }, heard: hear })
      const status = await rest.status
      if (status !== 200 && !isOver() && !isCancelled) odd(`coming back with ${at} was answered with ${status}`)
      comingBack.resolve(rest.ended)
    }
  }
}
