/** Random calls of many users at many servers by a seed, in both eras: every answer has to be the caller's own, from the server that was called. */
import { Effect } from "effect"
import { until } from "../calls.ts"
import type { ClientEra } from "../client.ts"
import { type Random, randomFrom } from "../model/world.ts"
import { callText, type Headers, modernCall, post, type Reply, session } from "../wire.ts"
import { type Place, placeWith } from "./place.ts"

export interface Wanted {
  readonly seed: number
  readonly seconds: number
  readonly users: number
  readonly servers: number
  readonly callers: number
}

export interface Report {
  /** Answers that were somebody else's or another server's. */
  readonly crossings: ReadonlyArray<string>
  /** Calls and lists that got no answer. */
  readonly failures: ReadonlyArray<string>
  readonly calls: number
  readonly lists: number
  readonly reloads: number
  /** Tokens that servers' issuers gave. */
  readonly given: number
}

interface User {
  readonly name: string
  readonly era: ClientEra
  readonly headers: Headers
}

/** The same user always is at a client of the same era. */
const signedIn = async ({ gate, tokenOf }: Place, name: string, index: number): Promise<User> => {
  const authorization = `Bearer ${await tokenOf(name)}`
  if (index % 2 === 0) return { name, era: "modern", headers: { authorization } }
  const { headers } = await session(gate.url, "2025-11-25", { authorization })
  return { name, era: "legacy", headers: { ...headers, authorization } }
}

const sent = ({ gate }: Place, { era, headers }: User, tool: string, args: object): Promise<Reply> => {
  const text = JSON.stringify(args)
  if (era === "legacy") return post(gate.url, callText(tool, text), headers)
  const modern = modernCall(tool, text)
  return post(gate.url, modern.body, { ...modern.headers, ...headers })
}

const listed = ({ gate }: Place, { era, headers }: User): Promise<Reply> => {
  if (era === "legacy") return post(gate.url, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, headers)
  const { body, headers: own } = modernCall("x")
  return post(gate.url, body.replace("tools/call", "tools/list").replace(`"name":"x","arguments":{},`, ""), { ...own, "mcp-method": "tools/list", "mcp-name": [], ...headers })
}

/** Waits until the servers that list for everybody do. */
const ready = async (place: Place, user: User | undefined): Promise<void> => {
  if (user === undefined) return
  const shared = place.servers.filter(({ kind }) => kind !== "delegate_oauth")
  await until(() => listed(place, user), ({ text }) => shared.every(({ id }) => text.includes(`"${id}__who"`)), 60)
}

/** What stands in place of an answer. */
const failureIn = ({ message, status, text }: Reply): string | undefined =>
  status === 200 && message?.result !== undefined && message.result["isError"] !== true ? undefined : `${status} ${text.slice(0, 300)}`

/** The gateway lists some servers on its own account. */
const OWN = ["gateway", "manifold:gateway"]

export const run = (wanted: Wanted): Promise<Report> => Effect.runPromise(Effect.scoped(Effect.flatMap(
  placeWith(wanted.users, wanted.servers),
  (place) => Effect.promise(() => runAt(place, wanted))
)))

const runAt = async (place: Place, { callers, seconds, seed }: Wanted): Promise<Report> => {
  const users = await Promise.all(place.users.map((name, index) => signedIn(place, name, index)))
  await ready(place, users[0])
  const crossings: Array<string> = []
  const failures: Array<string> = []
  const done = { calls: 0, lists: 0, reloads: 0 }
  const before = place.given()
  const end = performance.now() + seconds * 1000

  const call = async (user: User, random: Random, say: string) => {
    const { id } = random.one(place.servers)
    const reply = await sent(place, user, `${id}__who`, { say })
    done.calls++
    const failure = failureIn(reply)
    if (failure !== undefined) return void failures.push(`${user.name} at ${id}: ${failure}`)
    const own = JSON.stringify(JSON.stringify({ server: id, sub: user.name, said: say }))
    if (!reply.text.includes(own)) crossings.push(`${user.name} (${user.era}) at ${id} saying ${say}: ${reply.text.slice(0, 500)}`)
  }

  const list = async (user: User) => {
    const reply = await listed(place, user)
    done.lists++
    const failure = failureIn(reply)
    if (failure !== undefined) return void failures.push(`${user.name} lists: ${failure}`)
    const others = [...reply.text.matchAll(/"description":"of ([^"]+)"/gu)].map(([, of = ""]) => of).filter((of) => of !== user.name && !OWN.includes(of))
    if (others.length > 0) crossings.push(`${user.name} (${user.era}) is shown what is of ${others.join(", ")}`)
  }

  const caller = async (_: unknown, index: number) => {
    const random = randomFrom(seed * 1000 + index)
    for (let count = 0; performance.now() < end; count++) {
      const user = random.one(users)
      const attempt = random.upTo(19) === 0 ? list(user) : call(user, random, `${index}-${count}`)
      await attempt.catch((cause: unknown) => void failures.push(String(cause)))
    }
  }

  const reloading = async () => {
    while (performance.now() < end) {
      await new Promise((next) => setTimeout(next, Math.min(2500, Math.max(0, end - performance.now()))))
      place.reload(++done.reloads)
    }
  }

  await Promise.all([reloading(), ...Array.from({ length: callers }, caller)])
  return { crossings, failures, ...done, given: place.given() - before }
}
