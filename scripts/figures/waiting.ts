/** Calls of modern clients that wait for an answer of their user, and listens that wait for a change. */
import { call } from "../../test/kit/calls.ts"
import { modernPeer } from "../../test/kit/model/modernPeer.ts"
import { heardBy } from "../../test/kit/model/world.ts"
import { kB, many, measuring } from "./measure.ts"

export interface ParkedFigures {
  readonly parked: number
  readonly "answered properly": number
  readonly "heap each, kB": number
  readonly "resident each, kB": number
  /** What as many again leave behind when they are answered. */
  readonly "heap kept, kB": number
}

const odd = (what: string) => {
  throw new Error(what)
}

export const parked = (count: number): Promise<ParkedFigures> =>
  measuring(async ({ gate: { url }, memory }) => {
    const peer = await modernPeer(url, odd)
    /** All questions are answered when all were asked. */
    const round = async (label: string, count: number) => {
      const asked = Promise.withResolvers<void>()
      const go = Promise.withResolvers<void>()
      let questions = 0
      const answer = async (message: string) => {
        if (++questions === count) asked.resolve()
        await go.promise
        return `yes-${message}`
      }
      const calls = Array.from({ length: count }, (_, index) => peer.call({ name: "legacy__ask", args: { value: `${label}-${index}` }, answer }).outcome)
      await asked.promise
      const during = await memory()
      go.resolve()
      const proper = (await Promise.all(calls)).filter(({ kind, text }, index) => kind === "text" && text === `${label}-${index}:yes-${label}-${index}`)
      return { during, proper: proper.length }
    }
    await round("warm", 8)
    const before = await memory()
    const { during, proper } = await round("measured", count)
    const once = await memory()
    await round("again", count)
    const twice = await memory()
    await peer.leave()
    return {
      parked: count,
      "answered properly": proper,
      "heap each, kB": kB((during.heap - before.heap) / count),
      "resident each, kB": kB((during.resident - before.resident) / count),
      "heap kept, kB": kB(twice.heap - once.heap)
    }
  })

export interface ListenFigures {
  readonly listens: number
  readonly "that heard": number
  readonly "first after, ms": number
  readonly "last after, ms": number
  readonly "heap each, kB": number
}

/** Each peer listens for changes of the tools; the time is from the call that changes them. */
export const listens = (count: number): Promise<ListenFigures> =>
  measuring(async ({ gate: { url }, memory }) => {
    const before = await memory()
    const times: Array<number> = []
    let began = 0
    const peers = await many(count, () => modernPeer(url, odd, () => times.push(performance.now() - began)))
    const during = await memory()
    began = performance.now()
    await call(url, "modern__add", { value: "added" })
    const end = performance.now() + 30_000
    while (times.length < count && performance.now() < end) await new Promise((again) => setTimeout(again, 5))
    const heard = peers.filter((peer) => heardBy(peer, "tools") === 1).length
    for (const peer of peers) await peer.leave()
    return {
      listens: count,
      "that heard": heard,
      "first after, ms": Math.round(Math.min(...times)),
      "last after, ms": Math.round(Math.max(...times)),
      "heap each, kB": kB((during.heap - before.heap) / count)
    }
  })
