/** Runs the randomised test against a gateway process of its own: clients and trouble by a seed, then everybody leaves, then nothing may be left. */
import { rmSync } from "node:fs"
import { resolve } from "node:path"
import { Effect } from "effect"
import { serving, until } from "../calls.ts"
import { freePort } from "../everything.ts"
import { type Gateway, startGateway } from "../gateway.ts"
import { INSPECTED, inspect } from "../inspect.ts"
import { legacyPeer } from "./legacyPeer.ts"
import { modernPeer } from "./modernPeer.ts"
import { OPERATIONS } from "./operations.ts"
import type { Peer } from "./peer.ts"
import { type Backend, BACKENDS, type Random, randomFrom, World } from "./world.ts"

export interface Wanted {
  readonly seed: number
  readonly seconds: number
  readonly clients: number
}

export interface Report {
  readonly broken: ReadonlyArray<string>
  readonly done: Readonly<Record<string, number>>
  /** What is left when everybody has gone, by name; all of it should be 0. */
  readonly left: Readonly<Record<string, number>>
  /** Bytes of heap after a collection, more than before. */
  readonly grown: number
  readonly stderr: string
}

/** Most crashes of one server, so that it stays within its budget of restarts. */
const CRASHES_A_MINUTE = 3

const manifestWith = (labels: ReadonlyMap<string, string>, ports: ReadonlyMap<string, ReadonlyArray<number>>) => ({
  servers: BACKENDS.map(({ era, id, transport }) => ({
    id,
    type: "local",
    command: "node",
    auth_strategy: "bypass_auth",
    config: {
      args: [resolve("test/fixtures/servers/model.mjs"), id],
      environment: { ERA: era, LABEL: labels.get(id) ?? "" },
      ...(transport === "http" ? { port: ports.get(id)?.[Number(labels.get(id) ?? 0) % 2] } : {})
    }
  }))
})

export const run = async ({ clients, seconds, seed }: Wanted): Promise<Report> => {
  const labels = new Map<string, string>()
  const ports = new Map(await Promise.all(BACKENDS.map(async ({ id }) => [id, [await Effect.runPromise(freePort), await Effect.runPromise(freePort)]] as const)))
  const gate = await startGateway(manifestWith(labels, ports), { ...INSPECTED, args: ["--set", "hosting.drain=3 seconds"] })
  try {
    await serving(gate.url, ...BACKENDS.map(({ id }) => id))
    const world = new World(gate.url)
    const inspected = await inspect(gate)
    await warm(world, seed)
    const before = await inspected.heap()
    const children = gate.descendants().length

    const end = performance.now() + seconds * 1000
    const all = Array.from({ length: clients }, (_, index) => actor(world, randomFrom(seed * 1000 + index), `${seed}-${index}`, end))
    await Promise.all([...all, chaos({ world, gate, labels, ports, random: randomFrom(seed), end })])

    const left = await leftIn(world, () => gate.descendants().length - children)
    const grown = await inspected.heap() - before
    inspected.close()
    return { broken: world.broken, done: Object.fromEntries(world.done), left, grown, stderr: gate.stderr() }
  } finally {
    await gate.stop()
    rmSync(gate.directory, { recursive: true, force: true })
  }
}

/** Every operation once with every server by a client of each era, so that what is loaded or compiled once is there. */
const warm = async (world: World, seed: number) => {
  const random = randomFrom(seed)
  for (const connect of [legacyPeer, modernPeer]) {
    const peer = await connect(world.url, world.odd)
    world.peers.add(peer)
    for (const backend of BACKENDS) {
      for (const [name, operation] of OPERATIONS) await operation({ world, peer, backend, random, value: `warm-${peer.era}-${backend.id}-${name}` })
    }
    await leave(world, peer)
  }
}

const leave = async (world: World, peer: Peer) => {
  world.peers.delete(peer)
  for (const one of world.subscribed) if (one.peer === peer) world.subscribed.delete(one)
  await peer.leave()
}

/** Clients that come, do things and go, one after the other. */
const actor = async (world: World, random: Random, name: string, end: number) => {
  let count = 0
  while (performance.now() < end) {
    const peer = await random.one([legacyPeer, modernPeer])(world.url, world.odd)
    world.peers.add(peer)
    for (let left = 3 + random.upTo(20); left > 0 && performance.now() < end; left--) {
      const [operation, perform] = random.one(OPERATIONS)
      await perform({ world, peer, backend: random.one(BACKENDS), random, value: `v-${name}-${++count}` })
      world.count(`${operation} (${peer.era})`)
    }
    await leave(world, peer)
  }
}

interface Chaos {
  readonly world: World
  readonly gate: Gateway
  readonly labels: Map<string, string>
  readonly ports: ReadonlyMap<string, ReadonlyArray<number>>
  readonly random: Random
  readonly end: number
}

/** Kills servers and changes the manifest, one server at a time. */
const chaos = async ({ end, gate, labels, ports, random, world }: Chaos) => {
  const crashes = new Map<string, ReadonlyArray<number>>()
  const crash = async ({ id }: Backend) => {
    const recent = (crashes.get(id) ?? []).filter((at) => performance.now() - at < 60_000)
    if (recent.length >= CRASHES_A_MINUTE) return
    crashes.set(id, [...recent, performance.now()])
    await world.trouble(id, "crash", async () => {
      const killer = await modernPeer(world.url, world.odd)
      await world.ends(`the crash of ${id}`, killer.call({ name: `${id}__crash`, args: {} }).outcome)
      await killer.leave()
      await world.isUp(id, labels.get(id) ?? "")
    })
    world.count("crash")
  }
  const reload = ({ id }: Backend) =>
    world.trouble(id, "reload", async () => {
      const label = String(Number(labels.get(id) ?? 0) + 1)
      labels.set(id, label)
      gate.rewrite(manifestWith(labels, ports))
      await world.isUp(id, label)
      world.count("reload")
    })
  while (performance.now() < end) {
    await new Promise((done) => setTimeout(done, 200 + random.upTo(1000)))
    await random.one([crash, reload])(random.one(BACKENDS))
  }
}

/** What is there when everybody has gone; waits a while for what is on its way out. */
const leftIn = async (world: World, children: () => number) => {
  const look = async () => {
    const activity: Readonly<Record<string, number>> = JSON.parse(await (await fetch(new URL("/api/v1/activity", world.url))).text())
    const states = await Promise.all(BACKENDS.map(async ({ id }) => [id, await world.stateOf(id)] as const))
    const own = states.flatMap(([id, state]) => [[`running in ${id}`, state?.running ?? -1], [`watched in ${id}`, state?.watched.length ?? -1]] as const)
    return { ...activity, ...Object.fromEntries(own), children: children() }
  }
  const isClean = (left: Readonly<Record<string, number>>) => Object.values(left).every((count) => count === 0)
  return until(look, isClean, 10).catch(look)
}

/** Most bytes of heap that may be more than before: caches that are bounded, and the noise of a collection. */
const GROWN = 8 * 1024 * 1024

/** Every promise that was broken, what was left among them. */
export const brokenIn = ({ broken, grown, left }: Report): ReadonlyArray<string> => [
  ...broken,
  ...Object.entries(left).flatMap(([what, count]) => count === 0 ? [] : [`left: ${count} ${what}`]),
  ...(grown > GROWN ? [`the heap has grown by ${grown} bytes`] : [])
]
