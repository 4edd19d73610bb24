/**
 * A child process that speaks MCP on its standard streams (2026-07-28, basic/transports/stdio).
 * The child leads its own process group, and the whole group ends with the scope; so does what left the group.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { Effect, Schema, type Scope } from "effect"
import { type After, Children } from "./Children.ts"
import { membersOf } from "./Processes.node.ts"
import { endStrays, MARK } from "./Strays.node.ts"
import { lineReader } from "../../lib/LineReader.ts"
import { logLines } from "../../lib/LogLines.ts"
import { MESSAGE_LIMIT, type Outgoing, QUEUE_LIMIT, type Receiver, type Transport } from "./Transport.ts"

/** A child that could not be started at all. */
export class SpawnFailed extends Schema.TaggedError<SpawnFailed>()("SpawnFailed", {
  command: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    const why = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `Could not start "${this.command}": ${why}`
  }
}

/** What to run; `environment` is all that the child gets. */
export interface Command {
  readonly command: string
  readonly args: ReadonlyArray<string>
  readonly environment: Readonly<Record<string, string>>
  readonly directory: string
  /** Runs after it, however it ended; then `{instance}` in its arguments and in `args` is a name of that process alone. */
  readonly after?: ReadonlyArray<After>
  /** It only leads the group of the process that is meant: what ends that one politely is not for it. */
  readonly isWrapped?: boolean
}

/** Longest line that a child may write into the log, in characters. */
export const LOG_LINE = 4096

/** How long, in milliseconds, the end of a child and the end of its output wait for each other. */
const SETTLING = 100

/** Grace, in milliseconds, between closing stdin, TERM and KILL. */
const AFTER_STDIN = 300
const AFTER_TERM = 5000

/** Starts a child; it is gone, with all of its group, when the scope closes. */
export const spawnChild = Effect.fnUntraced(function*(
  server: string,
  asked: Command,
  log: (line: string) => void
): Effect.fn.Return<ChildProcess, SpawnFailed, Scope.Scope | Children> {
  const children = yield* Children
  const mark = crypto.randomUUID()
  const { after = [], args, command, directory, environment, isWrapped = false } = named(asked, mark)
  return yield* Effect.acquireRelease(
    Effect.callback<ChildProcess, SpawnFailed>((resume) => {
      // Node would hand its own coverage on, though that is not in the environment that the child gets.
      const env = { ...environment, [MARK]: mark, NODE_V8_COVERAGE: undefined }
      const child = spawn(command, args, { cwd: directory, env, detached: true, stdio: "pipe" })
      child.once("error", (cause) => resume(Effect.fail(new SpawnFailed({ command, cause }))))
      child.once("spawn", () => {
        try {
          if (child.pid !== undefined) children.remember(child.pid, { server, mark, after })
          resume(Effect.succeed(child))
        } catch (cause) {
          // Without its record, as on a full disk, nobody would end it after a gateway that was killed.
          signalGroup(child.pid, "SIGKILL")
          resume(Effect.fail(new SpawnFailed({ command, cause })))
        }
      })
      child.stdin.on("error", () => {})
      child.stderr.on("data", logLines(LOG_LINE, log))
    }),
    (child) =>
      Effect.andThen(
        Effect.andThen(endGroup(child, isWrapped), Effect.promise(() => endStrays(mark))),
        child.pid === undefined ? Effect.void : children.forget(child.pid)
      )
  )
})

/** With something to run after it, the process gets a name that nothing else has. */
export const named = (command: Command, instance: string): Command => {
  const { after = [], args } = command
  if (after.length === 0) return command
  const fill = (all: ReadonlyArray<string>) => all.map((each) => each.replaceAll("{instance}", instance))
  return { ...command, args: fill(args), after: after.map((each) => ({ ...each, args: fill(each.args) })) }
}

/** The transport over a running child. */
export const stdioTransport = (child: ChildProcess, receiver: Receiver): Transport => {
  const input = child.stdin
  let waiting = ""
  let gone = false

  const closed = (why: string) => {
    if (gone) return
    gone = true
    receiver.closed(why)
  }
  // The last answer may still be in the pipe when the child has ended.
  let ended: string | undefined
  let isDrained = false
  child.once("exit", (code, signal) => {
    ended = signal === null ? `exited with code ${code}` : `ended by ${signal}`
    if (isDrained) return closed(ended)
    setTimeout(() => closed(ended ?? "ended"), SETTLING)
  })
  child.stdout?.once("close", () => {
    isDrained = true
    if (ended !== undefined) return closed(ended)
    setTimeout(() => closed(ended ?? "closed its standard output"), SETTLING)
  })
  child.stdout?.on("data", lineReader(MESSAGE_LIMIT, (line) => receiver.message(line, undefined), () => {
    closed(`wrote a line of more than ${MESSAGE_LIMIT} bytes`)
    child.stdout?.destroy()
  }))

  const flush = () => {
    const text = waiting
    waiting = ""
    if (!gone) input?.write(text)
  }

  const send = ({ id, text }: Outgoing) => {
    const queued = (input?.writableLength ?? 0) + waiting.length
    if (gone || queued > QUEUE_LIMIT) {
      if (id !== undefined) {
        receiver.failed(id, gone
          ? { kind: "closed", detail: "the process has ended", isUnsent: true }
          : { kind: "busy", detail: `does not read its input: ${queued} bytes are waiting` })
      }
      return
    }
    // One write per turn of the event loop, however many calls arrive in it.
    if (waiting === "") setImmediate(flush)
    waiting += text + "\n"
  }

  return { kind: "stdio", send, forget: () => {}, openStream: (opened) => opened(), agreed: () => {}, close: () => {} }
}

/** Closes stdin, then TERM, then KILL, and KILL for what is left of the group. */
const endGroup = (child: ChildProcess, isWrapped: boolean): Effect.Effect<void> => {
  const exited = Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
  })
  const within = (millis: number) => Effect.timeoutOption(exited, millis)
  const signal = (name: NodeJS.Signals) => Effect.sync(() => signalGroup(child.pid, name))
  return Effect.gen(function*() {
    child.stdin?.end()
    const left = yield* within(AFTER_STDIN)
    if (left._tag === "None") {
      yield* isWrapped ? Effect.sync(() => membersOf(child.pid ?? 0).forEach((pid) => signalOne(pid, "SIGTERM"))) : signal("SIGTERM")
      yield* within(AFTER_TERM)
    }
    yield* signal("SIGKILL")
    yield* exited
    child.stdout?.destroy()
    child.stderr?.destroy()
  })
}

const signalGroup = (pid: number | undefined, name: NodeJS.Signals) => {
  if (pid !== undefined) signalOne(-pid, name)
}

const signalOne = (pid: number, name: NodeJS.Signals) => {
  try {
    process.kill(pid, name)
  } catch {
    // It is gone, or the group is already empty.
  }
}
