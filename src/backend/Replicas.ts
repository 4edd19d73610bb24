/**
 * Several instances of one server as one: each call goes to one that serves, those that share a
 * conversation to where it is, and what concerns all is told to all.
 */
import { Effect } from "effect"
import { type Candidate, chosen, latencyAfter, type Rule } from "./Balance.ts"
import { digest } from "../lib/Digest.ts"
import { ALONE } from "./Party.ts"
import type { Instance, Replica, State, Taking, Use } from "./Spec.ts"

/** Most sharers and open questions that are remembered; the longest unused are forgotten. */
const MOST = 10_000

/** How long, after the first of them, the others may take before the new form of a server takes over. */
const TOGETHER = "10 seconds"

interface Member extends Candidate {
  readonly instance: Instance
  inFlight: number
  latency: number
  endedAt: number
}

const isOpen = ({ instance }: Member): boolean => instance.opened()?.connection.isClosed === false
const isAsleep = ({ instance }: Member): boolean => instance.state().isAsleep === true

/** @param rule is asked at each call */
export const together = (id: string, first: Instance, others: ReadonlyArray<Instance>, rule: () => Rule): Instance => {
  const memberOf = (instance: Instance, index: number): Member => ({ index, instance, inFlight: 0, latency: 0, endedAt: 0 })
  const lead = memberOf(first, 0)
  const members = [lead, ...others.map((instance, at) => memberOf(instance, at + 1))]
  const instances = [first, ...others]
  /** Where sharers have been, and who asked a question. */
  const places = new Map<string, number>()
  let turn = 0

  /** Those that can take a call: the ones that sleep where none is awake, and if none can, the first says why. */
  const candidates = (): readonly [Member, ...ReadonlyArray<Member>] => {
    const [open, ...more] = members.filter(isOpen)
    if (open !== undefined) return [open, ...more]
    const [one, ...rest] = members.filter(isAsleep)
    return one === undefined ? [lead] : [one, ...rest]
  }

  const chosenFor = ({ owner, replica, sharer, state }: Taking): Member => {
    // What one of them began, no other knows.
    if (replica !== undefined) return members[replica] ?? lead
    const among = candidates()
    const own = sharer === ALONE ? undefined : sharer
    const place = own === undefined ? state === undefined ? undefined : places.get(keyOf(state)) : places.get(own)
    const found = among.find(({ index }) => index === place) ?? chosen(among, { rule: rule(), turn: turn++, key: owner, now: performance.now() })
    if (own !== undefined) remember(own, found.index)
    return found
  }

  const remember = (sharer: string, index: number) => {
    places.delete(sharer)
    for (const oldest of places.keys()) {
      if (places.size < MOST) break
      places.delete(oldest)
    }
    places.set(sharer, index)
  }

  const replicaFor = (taking: Taking): Replica => {
    const member = chosenFor(taking)
    if (isAsleep(member)) for (const { wake } of instances) wake()
    return {
      index: member.index,
      instance: member.instance,
      keep: (state) => remember(keyOf(state), member.index),
      began: () => {
        const began = performance.now()
        member.inFlight++
        return () => {
          member.inFlight--
          member.endedAt = performance.now()
          member.latency = latencyAfter(member.latency, member.endedAt - began)
        }
      }
    }
  }

  const byParty = ({ principal, sharer }: { readonly principal: string; readonly sharer: string | undefined }) =>
    replicaFor({ owner: principal, sharer }).instance

  const all = <A>(run: (instance: Instance) => Effect.Effect<A>) =>
    Effect.forEach(instances, run, { concurrency: "unbounded", discard: true })

  const isServing = () => members.some((member) => isOpen(member) || isAsleep(member))

  return {
    id,
    replicas: instances,
    replicaFor,
    state: () => stateOf(instances.map(({ state }) => state())),
    opened: () => members.find(isOpen)?.instance.opened(),
    direct: (party) => byParty(party).direct(party),
    lease: (party) => Effect.suspend(() => byParty(party).lease(party)),
    follow: (party, follower) => Effect.suspend(() => byParty(party).follow(party, follower)),
    over: (sharer) => {
      places.delete(sharer)
      for (const { over } of instances) over(sharer)
    },
    tell: (sharer, method) => instances.forEach(({ tell }) => tell(sharer, method)),
    use: () => sum(instances.flatMap(({ use }) => use() ?? [])),
    recovered: Effect.suspend(() => isServing() ? Effect.void : Effect.raceAllFirst(instances.map(({ recovered }) => recovered))),
    ready: Effect.andThen(
      Effect.raceAllFirst(instances.map(({ ready }) => ready)),
      Effect.asVoid(Effect.timeoutOption(all(({ ready }) => ready), TOGETHER))
    ),
    relevel: () => instances.forEach(({ relevel }) => relevel()),
    rewatch: () => instances.forEach(({ rewatch }) => rewatch()),
    hears: all(({ hears }) => hears),
    retryNow: all(({ retryNow }) => retryNow),
    doze: (why) => all(({ doze }) => doze(why)),
    wake: () => instances.map(({ wake }) => wake()).includes(true)
  }
}

/** A state may be long; one that is taken for another only goes elsewhere. */
const keyOf = (state: string): string => `state ${digest(state)}`

const sum = (uses: ReadonlyArray<Use>): Use | undefined =>
  uses.length === 0 ? undefined : uses.reduce((a, b) => ({
    calls: a.calls + b.calls,
    inFlight: a.inFlight + b.inFlight,
    isNeeded: a.isNeeded || b.isNeeded
  }))

/** From the best to the worst; the state of the best is that of all where none serves. */
const ORDER: ReadonlyArray<State["phase"]> = ["ready", "idle", "starting", "preparing", "resolving", "degraded", "failed", "draining", "stopped"]

/** All together: ready when all are, degraded while some are and some are not. */
export const stateOf = (states: ReadonlyArray<State>): State => {
  const [best, ...others] = states.toSorted((a, b) => ORDER.indexOf(a.phase) - ORDER.indexOf(b.phase))
  const worst = others.at(-1) ?? best
  if (best === undefined || worst === undefined) return { phase: "stopped", since: 0, restarts: 0 }
  const restarts = states.reduce((total, state) => total + state.restarts, 0)
  const since = Math.max(...states.map((state) => state.since))
  if (best.phase !== "ready" || worst.phase === "ready") return { ...best, since, restarts }
  const away = states.filter(({ phase }) => phase !== "ready").length
  return {
    phase: "degraded",
    since,
    restarts,
    why: `${away} of its ${states.length} replicas ${away === 1 ? "does" : "do"} not serve: ${worst.why ?? `it is ${worst.phase}`}`,
    ...(worst.next === undefined ? {} : { next: worst.next })
  }
}
