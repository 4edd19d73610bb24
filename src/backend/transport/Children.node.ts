/** Keeps the records of `Children` as files `<data directory>/children/<pid>`, and cleans up at start. */
import { spawn, spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Layer, Schema } from "effect"
import { type After, type Child, Children } from "./Children.ts"
import { groupIsAlive, startOf } from "./Processes.node.ts"
import { endStraysNow } from "./Strays.node.ts"

const Entry = Schema.fromJsonString(Schema.Struct({
  server: Schema.String,
  mark: Schema.optionalKey(Schema.String),
  started: Schema.String,
  /** Of the machine's start: pids and start times of before it mean nothing. */
  boot: Schema.optionalKey(Schema.String),
  owner: Schema.Struct({ pid: Schema.Int, started: Schema.String }),
  after: Schema.Array(Schema.Struct({
    command: Schema.String,
    args: Schema.Array(Schema.String),
    environment: Schema.Record(Schema.String, Schema.String)
  }))
}))

/** How long, in milliseconds, what comes after a process may take. */
const AFTERWARDS = 10_000

const runNow = ({ args, command, environment }: After) => spawnSync(command, args, { env: environment, stdio: "ignore", timeout: AFTERWARDS })

/** Runs it to its end, and says nothing of how that was: there is nothing more to be done. */
const runAfter = ({ args, command, environment }: After) =>
  Effect.callback<void>((resume) => {
    const child = spawn(command, args, { env: environment, stdio: "ignore", timeout: AFTERWARDS })
    child.once("error", () => resume(Effect.void))
    child.once("exit", () => resume(Effect.void))
  })

const bootId = (): string => {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()
  } catch {
    return ""
  }
}

const endGroup = (group: number) => {
  try {
    process.kill(-group, "SIGKILL")
  } catch {
    // Gone between the look and the signal.
  }
}

/** Ends the children whose gateway is dead; gives how many groups that were. */
const endOrphans = (folder: string): number => {
  let ended = 0
  const marks: Array<string> = []
  for (const name of readdirSync(folder)) {
    const entry = Schema.decodeUnknownOption(Entry)(readFileSync(join(folder, name), "utf8"))
    const pid = Number(name)
    if (entry._tag === "Some" && startOf(entry.value.owner.pid) === entry.value.owner.started) continue
    const isOfThisBoot = entry._tag === "Some" && entry.value.boot === bootId()
    if (entry._tag === "Some" && isOfThisBoot && pid > 1 && groupIsAlive(pid, entry.value.started)) {
      endGroup(pid)
      ended++
    }
    if (entry._tag === "Some" && isOfThisBoot && entry.value.mark !== undefined) marks.push(entry.value.mark)
    if (entry._tag === "Some") entry.value.after.forEach(runNow)
    rmSync(join(folder, name), { force: true })
  }
  endStraysNow(marks)
  return ended
}

export const layer = (dataDirectory: string): Layer.Layer<Children> =>
  Layer.effect(Children, Effect.gen(function*() {
    const folder = join(dataDirectory, "children")
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const ended = endOrphans(folder)
    if (ended > 0) yield* Effect.logWarning(`Ended ${ended} process group(s) that a killed gateway had left behind`)
    const alive = new Map<number, Child>()
    // However the process ends, short of being killed itself, its children do not outlive it.
    const endAll = () => {
      for (const pid of alive.keys()) endGroup(pid)
      endStraysNow([...alive.values()].map(({ mark }) => mark))
      for (const { after } of alive.values()) after.forEach(runNow)
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => process.on("exit", endAll)),
      () => Effect.sync(() => process.off("exit", endAll))
    )
    const boot = bootId()
    const owner = { pid: process.pid, started: startOf(process.pid) }
    return Children.of({
      remember: (pid, child) => {
        alive.set(pid, child)
        const entry = { ...child, boot, started: startOf(pid), owner }
        writeFileSync(join(folder, String(pid)), JSON.stringify(entry), { mode: 0o600 })
      },
      forget: Effect.fnUntraced(function*(pid) {
        yield* Effect.forEach(alive.get(pid)?.after ?? [], runAfter, { discard: true })
        alive.delete(pid)
        rmSync(join(folder, String(pid)), { force: true })
      })
    })
  }))
