/**
 * Keeps the audit in files of the data directory: what is recorded waits in memory, and is written
 * twice a second and before the process ends. What does not fit while nothing can be written is counted.
 */
import { randomBytes } from "node:crypto"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Clock, Effect, Layer, Schema, Semaphore } from "effect"
import type { AuditWanted } from "../manifest/AuditKey.ts"
import { Audit, type AuditState, type Recorder, type RefusedCredential } from "./Audit.ts"
import { auditDirectory, AuditFiles } from "./AuditFiles.node.ts"
import { macWith, type Pending, shapeOf } from "./AuditLines.node.ts"
import type { Redactor } from "./Redaction.ts"

/** Most records, and most characters of them, that wait to be written. */
const MOST = 50_000
const MOST_TEXT = 16 * 1024 * 1024

/** A number in hexadecimal, which is no text of anybody. */
const HASH = /^[0-9a-f]{8,64}$/u

/** Most kinds of refusal that are told apart between two writings. */
const KINDS = 100

class Unwritten extends Schema.TaggedError<Unwritten>()("Unwritten", { cause: Schema.Defect() }) {
  override get message() {
    return this.cause instanceof Error ? this.cause.message : "unknown"
  }
}

export const auditLayer = (dataDirectory: string, redactor: Redactor): Layer.Layer<never> =>
  Layer.effect(Audit, Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const scope = yield* Effect.scope
    const lock = Semaphore.makeUnsafe(1)
    const files = new AuditFiles(auditDirectory(dataDirectory))
    /** What was looked at since the last writing; most texts come again and again. */
    const cleaned = new Map<string, string>()
    const refusals = new Map<string, RefusedCredential & { count: number }>()
    let pending: Array<Pending> = []
    let size = 0
    let lost = 0
    let unsaid = 0
    let mac: ReturnType<typeof macWith> | undefined
    let wanted: AuditWanted | undefined
    let recorder: Recorder | undefined
    let state: Omit<AuditState, "lost"> | undefined

    const now = () => new Date(clock.currentTimeMillisUnsafe()).toISOString()

    const add = (members: string) => {
      size += members.length
      pending.push({ time: now(), members })
    }

    /** Each text by itself: what is taken out of a whole line may take its end with it. */
    const clean = (_: string, value: unknown): unknown => {
      if (typeof value !== "string" || HASH.test(value)) return value
      const before = cleaned.get(value)
      if (before !== undefined) return before
      const after = redactor.redact(value)
      if (cleaned.size < MOST) cleaned.set(value, after)
      return after
    }

    const membersOf = (event: Parameters<Recorder["record"]>[0]) => JSON.stringify(event, clean).slice(1, -1)

    /** What the audit says of itself, which there is always room for. */
    const say = (outcome: string, more: object = {}) => add(membersOf({ event: "audit", outcome, ...more }))

    const record: Recorder["record"] = (event) => {
      const members = membersOf(event)
      if (pending.length >= MOST || size + members.length > MOST_TEXT) {
        lost++
        unsaid++
        return
      }
      add(members)
    }

    const refused: Recorder["refused"] = (credential) => {
      const kind = `${credential.status} ${credential.from} ${credential.path} ${credential.why}`
      const place = refusals.has(kind) || refusals.size < KINDS ? kind : "others"
      const entry = refusals.get(place) ?? { ...credential, ...(place === kind ? {} : { from: "others", path: "", why: "" }), count: 0 }
      entry.count++
      refusals.set(place, entry)
    }

    const gather = () => {
      for (const refusal of refusals.values()) record({ event: "authentication", outcome: "refused", ...refusal })
      refusals.clear()
      if (unsaid === 0) return
      say("lost", { count: unsaid })
      unsaid = 0
    }

    const attempt = <A>(run: () => Promise<A>) => Effect.tryPromise({ try: run, catch: (cause) => new Unwritten({ cause }) })

    const opened = Effect.gen(function*() {
      if (mac !== undefined) return
      const torn = yield* attempt(() => files.open())
      mac = macWith(yield* attempt(() => keyAt(dataDirectory)))
      say("opened", torn === 0 ? {} : { torn })
      if (torn > 0) yield* Effect.logWarning(`The last record of the audit was cut short (${torn} bytes) and is gone`)
    })

    const flush = Effect.gen(function*() {
      cleaned.clear()
      yield* opened
      gather()
      while (pending.length > 0) {
        const day = pending[0]?.time.slice(0, 10) ?? ""
        const other = pending.findIndex(({ time }) => !time.startsWith(day))
        const batch = other === -1 ? [...pending] : pending.slice(0, other)
        yield* attempt(() => files.append(day, batch))
        pending = pending.slice(batch.length)
        size = pending.reduce((sum, { members }) => sum + members.length, 0)
      }
      if (state?.state === "failing") yield* Effect.logInfo("The audit can be written again")
      if (state?.state !== "writing") state = { state: "writing", since: now() }
    }).pipe(
      Effect.catchTag("Unwritten", ({ message }) => {
        if (state?.state === "failing") return Effect.void
        state = { state: "failing", since: now(), why: message }
        return Effect.logError(`The audit cannot be written, ${wanted?.required === true ? "so calls are refused" : "calls go on"}: ${message}`)
      }),
      Effect.uninterruptible,
      lock.withPermit
    )

    const configure = Effect.fn("Audit.configure")(function*(next: AuditWanted | undefined) {
      wanted = next
      if (next === undefined) {
        if (recorder === undefined) return
        say("off")
        recorder = undefined
        yield* flush
        return
      }
      yield* flush
      recorder = {
        record,
        refused,
        shapeOf: (text) => mac === undefined || next.arguments === "none" ? undefined : shapeOf(mac, text),
        isBlocking: () => next.required && state?.state === "failing"
      }
    })

    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => mac === undefined ? Effect.void : Effect.andThen(flush, Effect.ignore(attempt(() => files.close())))))
    yield* Effect.forkIn(Effect.forever(Effect.delay(Effect.suspend(() => recorder === undefined ? Effect.void : flush), "500 millis")), scope)

    return {
      recorder: () => recorder,
      configure,
      state: () => recorder === undefined || state === undefined ? undefined : { ...state, lost }
    }
  }))

/** So that nobody who reads the records can try arguments out. */
const keyAt = async (dataDirectory: string): Promise<Buffer> => {
  const directory = join(dataDirectory, "keys")
  const file = join(directory, "audit")
  const kept = await readFile(file).catch(() => undefined)
  if (kept?.length === 32) return kept
  const made = randomBytes(32)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await writeFile(file, made, { mode: 0o600 })
  return made
}
