/** A file of another place into a file of this one, its hash taken on the way. Each redirect is an address to be checked. */
import { createHash } from "node:crypto"
import { createWriteStream } from "node:fs"
import { Transform } from "node:stream"
import { pipeline } from "node:stream/promises"
import { Effect } from "effect"
import { type Agent, request } from "undici"
import { Egress } from "#plugin"
import { VERSION } from "../lib/Version.ts"

const MOST_REDIRECTS = 5
/** Longest silence in milliseconds, and longest time for all of it. */
const SILENCE = 30_000
const ALL = "10 minutes"

export interface Way {
  readonly agent: Agent
  /** Whether an address may be asked; what its name leads to is checked by the agent. */
  readonly isSafe: (url: URL) => boolean
  /** Whether it was the agent's check that failed. */
  readonly isRefused: (cause: unknown) => boolean
}

export interface Target {
  /** Not there yet. */
  readonly file: string
  readonly most: number
}

class TooLarge extends Error {}

export const downloaded = (way: Way, address: string, { file, most }: Target): Effect.Effect<string, Egress.EgressFailed> =>
  Effect.gen(function*() {
    let url = URL.parse(address)
    for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
      if (url === null || !way.isSafe(url)) return yield* failed(url ?? address, "address", "may not be asked: it is not https at a public address")
      const place: URL = url
      const found = yield* Effect.tryPromise({
        try: (signal) => fetched(way.agent, place, { file, most }, signal),
        catch: (cause) => way.isRefused(cause)
          ? failed(place, "address", "may not be asked: its name leads to an address that is not public")
          : cause instanceof TooLarge
          ? failed(place, "size", `is larger than ${most} bytes`)
          : failed(place, "connection", `cannot be fetched: ${cause instanceof Error ? cause.message : String(cause)}`)
      })
      if ("hash" in found) return found.hash
      if (found.location === undefined) return yield* failed(place, "connection", `was answered with ${found.status}`)
      url = URL.parse(found.location, place.href)
    }
    return yield* failed(address, "redirect", `led to more than ${MOST_REDIRECTS} redirects`)
  }).pipe(Effect.timeoutOrElse({ duration: ALL, orElse: () => Effect.fail(failed(address, "time", `took longer than ${ALL}`)) }))

const fetched = async (agent: Agent, url: URL, { file, most }: Target, signal: AbortSignal) => {
  const { body, headers, statusCode: status } = await request(url, {
    dispatcher: agent,
    headers: { accept: "application/octet-stream, */*;q=0.5", "user-agent": `manifold/${VERSION}` },
    headersTimeout: SILENCE,
    bodyTimeout: SILENCE,
    signal
  })
  if (status !== 200) {
    await body.dump({ limit: 64 * 1024 })
    return { status, location: status >= 300 && status < 400 ? [headers["location"] ?? []].flat()[0] : undefined }
  }
  const hash = createHash("sha256")
  let size = 0
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length
      if (size > most) return done(new TooLarge())
      hash.update(chunk)
      done(null, chunk)
    }
  })
  await pipeline(body, counted, createWriteStream(file, { flags: "wx", mode: 0o600 }), { signal })
  return { hash: hash.digest("hex") }
}

const failed = (place: URL | string, reason: Egress.EgressFailed["reason"], detail: string) => {
  const url = URL.parse(String(place))
  return new Egress.EgressFailed({ place: url === null ? "an address that is none" : `${url.origin}${url.pathname}`, reason, detail })
}
