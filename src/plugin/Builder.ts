/**
 * Runs a tool that fetches or builds: git, npm, pip. It gets the network, a time limit and no secret of
 * the gateway's; it has no terminal, and its whole process group goes when it is interrupted.
 */
import { Context, Effect, Record, Redacted, type Scope, Stream } from "effect"
import { ChildProcess } from "effect/process"
import { Host } from "./Host.ts"
import { LoadFailed } from "./Loader.ts"

export interface Tool {
  /** What is being loaded, for the message of a failure. */
  readonly source: string
  /** What this is a step of: `npm install`, `git fetch`. */
  readonly step: string
  readonly command: string
  readonly args: ReadonlyArray<string>
  readonly directory: string
  /** Beside what every builder gets; a credential is `Redacted`, and only for the tool that needs it. */
  readonly environment?: Readonly<Record<string, string | Redacted.Redacted<string>>>
  /** Whether it runs code of what was fetched, such as a build script. Default false. */
  readonly isForeign?: boolean
  /** How long it may take; ten minutes unless told. */
  readonly minutes?: number
  /** Why it failed, and what to do about it, from what it wrote. */
  readonly explain?: (output: string) => { readonly why?: string | undefined; readonly next?: string | undefined }
}

/** A tool about to run: what, where, and with which environment. */
export interface Running {
  readonly source: string
  readonly command: string
  readonly args: ReadonlyArray<string>
  readonly directory: string
  readonly environment: Readonly<Record<string, string>>
  /** Whether it runs code of what was fetched, which gets nothing of the other tools' folder. */
  readonly isForeign: boolean
}

/** What the host puts around the tools that prepare a server; nothing unless it says so. */
export class Confinement extends Context.Reference<(tool: Running) => Effect.Effect<Omit<Running, "isForeign" | "source">, LoadFailed, Scope.Scope>>(
  "manifold/plugin/Builder/Confinement",
  { defaultValue: () => Effect.succeed }
) {}

/** Most that is read of standard output, in characters, and how much of the end of everything goes into a reason. */
const MOST_OUTPUT = 32 * 1024 * 1024
const MOST_REASON = 64 * 1024

/** Runs it to its end and gives its standard output. */
export const run = Effect.fnUntraced(function*(tool: Tool) {
  const { environment, workspace } = yield* Host
  const { command, args, directory, source, isForeign = false } = tool
  const confined = yield* (yield* Confinement)({
    source, command, args, directory, isForeign,
    environment: { ...environment, HOME: workspace, ...Record.map(tool.environment ?? {}, (value) => Redacted.isRedacted(value) ? Redacted.value(value) : value) }
  })
  const child = yield* ChildProcess.make(confined.command, [...confined.args], {
    cwd: confined.directory,
    // Node would hand its own coverage on, though that is none of theirs.
    env: { ...confined.environment, NODE_V8_COVERAGE: undefined },
    stdin: "ignore",
    forceKillAfter: "2 seconds"
  })
  const text = (stream: typeof child.stdout, add: (so: string, more: string) => string) =>
    stream.pipe(Stream.decodeText(), Stream.runFold(() => "", add))
  const [output, complaints] = yield* Effect.all([
    text(child.stdout, (so, more) => so.length > MOST_OUTPUT ? so : so + more),
    text(child.stderr, (so, more) => (so + more).slice(-MOST_REASON))
  ], { concurrency: 2 })
  const code = yield* child.exitCode
  if (code !== 0) return yield* explained(tool, `${output.slice(-MOST_REASON)}\n${complaints}`, code)
  if (output.length > MOST_OUTPUT) return yield* failed(tool)(new Error(`wrote more than ${MOST_OUTPUT} characters`))
  return output
}, Effect.scoped, (effect, tool) =>
  effect.pipe(
    Effect.timeoutOrElse({
      duration: `${tool.minutes ?? 10} minutes`,
      orElse: () => Effect.fail(failed(tool)(new Error(`took longer than ${tool.minutes ?? 10} minutes`)))
    }),
    Effect.catchTag("PlatformError", (cause) => Effect.fail(failed(tool, `check that ${tool.command} is there`)(cause)))
  ))

const explained = (tool: Tool, output: string, code: number) => {
  const { next, why } = tool.explain?.(output) ?? {}
  return failed(tool, next)(new Error(why ?? lastLinesOf(output) ?? `ended with code ${code}`))
}

const lastLinesOf = (output: string): string | undefined =>
  output.split("\n").map((line) => line.trim()).filter((line) => line !== "").slice(-3).join("; ").slice(0, 1000) || undefined

const failed = ({ source, step }: Tool, next?: string) => (cause: unknown) =>
  new LoadFailed({ source, step, ...(next === undefined ? {} : { next }), cause })
