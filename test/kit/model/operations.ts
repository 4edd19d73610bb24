/** What a client of the randomised test may do, and what must come of it. */
import { until } from "../calls.ts"
import type { Calling, Outcome, Peer, Running } from "./peer.ts"
import { type Backend, canAsk, heardBy, type Random, type Subscribed, type World } from "./world.ts"

export interface Doing {
  readonly world: World
  readonly peer: Peer
  readonly backend: Backend
  readonly random: Random
  /** Nobody else's. */
  readonly value: string
}

export type Operation = (doing: Doing) => Promise<void>

const pause = (millis: number) => new Promise((done) => setTimeout(done, millis))

interface Judged {
  readonly expected: string
  readonly steps?: number
  /** The caller called it off, or went. */
  readonly isCalledOff?: boolean
}

const judge = ({ backend: { id, transport }, peer, world }: Doing, began: number, { kind, progress, text }: Outcome, { expected, isCalledOff = false, steps }: Judged) => {
  const what = `a ${peer.era} call of ${id} for ${expected}`
  if (progress.some((step, index) => step !== index + 1)) world.odd(`${what} heard progress ${progress}`)
  if (kind === "text" && text !== expected) world.odd(`${what} was answered with ${text}`)
  if (kind === "text" && steps !== undefined && progress.length !== steps) world.odd(`${what} heard ${progress.length} of ${steps} steps`)
  if (kind === "cancelled" && !isCalledOff) world.odd(`${what} was cancelled by nobody`)
  // One that has a port of its own is stopped before its successor starts.
  const isDown = world.wasIn(id, began, transport === "http" ? ["crash", "reload"] : ["crash"])
  const isExcused = isDown && text.startsWith(`Server "${id}" `)
  // The end of a session may overtake what was sent before it.
  const isGone = isCalledOff && text.startsWith("Unknown or expired session")
  if (kind === "error" && !isExcused && !isGone) world.odd(`${what} failed: ${text}`)
}

/** Calls, does something meanwhile, and judges what comes of it. */
const calling = async (doing: Doing, call: Omit<Calling, "name"> & { readonly tool: string }, judged: Judged, meanwhile?: (running: Running) => Promise<void>) => {
  const began = performance.now()
  const running = doing.peer.call({ ...call, name: `${doing.backend.id}__${call.tool}` })
  const busy = meanwhile?.(running)
  const outcome = await doing.world.ends(`${call.tool} of ${doing.backend.id} for ${judged.expected}`, running.outcome)
  await busy
  judge(doing, began, outcome, judged)
  return outcome
}

const echo: Operation = async (doing) => {
  await calling(doing, { tool: "echo", args: { value: doing.value } }, { expected: doing.value })
}

const steps: Operation = async (doing) => {
  const count = doing.random.upTo(20) + 1
  await calling(doing, { tool: "steps", args: { value: doing.value, steps: count, millis: doing.random.upTo(5) } }, { expected: doing.value, steps: count })
}

const ask: Operation = async (doing) => {
  const { backend, value, world } = doing
  const answer = (message: string) => {
    if (message !== value) world.odd(`asked for ${value}, but with the question ${message}`)
    return `yes-${value}`
  }
  if (canAsk(backend)) return void await calling(doing, { tool: "ask", args: { value }, answer }, { expected: `${value}:yes-${value}` })
  const { outcome } = doing.peer.call({ name: `${backend.id}__ask`, args: { value }, answer })
  const { kind, text } = await world.ends(`a question of ${backend.id}`, outcome)
  if (kind !== "error") world.odd(`${backend.id} asked somebody: ${kind} ${text}`)
}

const cancel: Operation = async (doing) => {
  const after = doing.random.upTo(60)
  await calling(doing, { tool: "slow", args: { value: doing.value, millis: 20 + doing.random.upTo(60) } }, { expected: doing.value, isCalledOff: true }, async (running) => {
    await pause(after)
    await running.cancel()
  })
}

const lose: Operation = async (doing) => {
  const count = 5 + doing.random.upTo(15)
  const after = doing.random.upTo(60)
  await calling(doing, { tool: "steps", args: { value: doing.value, steps: count, millis: 5 } }, { expected: doing.value, steps: count }, async (running) => {
    await pause(after)
    await running.lose?.()
  })
}

/** Another client comes, calls, and is gone before the answer: its session is deleted, or its connection closed. */
const part: Operation = async (doing) => {
  const { peer: { another }, random } = doing
  const peer = await another()
  const after = random.upTo(60)
  await calling({ ...doing, peer }, { tool: "slow", args: { value: doing.value, millis: 5000 } }, { expected: doing.value, isCalledOff: true }, async ({ cancel }) => {
    await pause(after)
    if (peer.era === "modern") await cancel()
    await peer.leave()
  })
}

const subscribe: Operation = async ({ backend, peer, random, world }) => {
  const uri = `model://${random.one(["a", "b", "c"])}/${backend.id}`
  if ([...world.subscribed].some((one) => one.peer === peer && one.uri === uri)) return
  const stop = await peer.hearOf(uri)
  const subscribed: Subscribed = { peer, uri, stop }
  world.subscribed.add(subscribed)
}

const unsubscribe: Operation = async ({ peer, random, world }) => {
  const own = [...world.subscribed].filter((one) => one.peer === peer)
  if (own.length === 0) return
  const one = random.one(own)
  world.subscribed.delete(one)
  await one.stop()
}

const touch: Operation = async (doing) => {
  const { backend, random, value, world } = doing
  const uri = `model://${random.one(["a", "b", "c"])}/${backend.id}`
  const began = performance.now()
  const waiting = [...world.subscribed].filter((one) => one.uri === uri).map((one) => ({ one, count: heardBy(one.peer, uri) }))
  const { kind } = await calling(doing, { tool: "touch", args: { uri, value } }, { expected: value })
  if (kind !== "text") return
  await Promise.all(waiting.map(({ count, one }) => {
    const excused = () => !world.subscribed.has(one) || world.wasIn(backend.id, began, ["crash", "reload"])
    return world.hears(`an update of ${uri}`, { peer: one.peer, subject: uri, count, excused })
  }))
}

const add: Operation = async (doing) => {
  const { backend, peer, value, world } = doing
  const began = performance.now()
  const waiting = [...world.peers].map((one) => ({ one, count: heardBy(one, "tools") }))
  const { kind } = await calling(doing, { tool: "add", args: { value } }, { expected: value })
  if (kind !== "text") return
  const isReplaced = () => world.wasIn(backend.id, began, ["crash", "reload"])
  await Promise.all(waiting.map(({ count, one }) =>
    world.hears(`the new tool of ${backend.id}`, { peer: one, subject: "tools", count, excused: () => !world.peers.has(one) || isReplaced() })
  ))
  const isListed = async () => (await peer.tools()).includes(`${backend.id}__${value}`) || isReplaced()
  // What was heard may have been said of another change.
  await until(isListed, (listed) => listed).catch(() => world.odd(`the tool ${value} of ${backend.id} was announced but is not listed`))
}

/** Each as often as it stands here. */
export const OPERATIONS: ReadonlyArray<readonly [string, Operation]> = [
  ["echo", echo], ["echo", echo], ["steps", steps], ["steps", steps], ["ask", ask], ["ask", ask], ["cancel", cancel],
  ["cancel", cancel], ["lose", lose], ["lose", lose], ["part", part], ["subscribe", subscribe], ["subscribe", subscribe],
  ["unsubscribe", unsubscribe], ["touch", touch], ["touch", touch], ["touch", touch], ["add", add]
]
