/**
 * Child processes of tests and scripts: started, read until they say where they listen, ended.
 * Plain promises, because the scripts use them too; `gateway.ts` wraps them for Effect.
 */
import { spawn } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"

export interface Started {
  readonly pid: number
  /** The part of the first line on standard output that the caller asked for. */
  readonly url: string
  /** What standard error has said so far. */
  readonly stderr: () => string
  readonly exited: Promise<number | null>
  /** SIGTERM, and SIGKILL after ten seconds; gives the exit code, or null when a signal ended it. */
  readonly stop: () => Promise<number | null>
  readonly kill: () => Promise<number | null>
  /** The living processes below this one. */
  readonly descendants: () => ReadonlyArray<number>
}

export interface Start {
  readonly command: ReadonlyArray<string>
  /** Finds the address in what standard output says; group 1 is the URL. */
  readonly listening: RegExp
  readonly environment?: Readonly<Record<string, string>>
  readonly directory?: string
  readonly seconds?: number
}

let starts = 0

/**
 * With `npm test`, a started process writes what it covered where scripts/coverage.ts looks: every second one does,
 * since to count costs a quarter of the processor time, and most start the same code.
 */
const covering = () => {
  const folder = process.env["MANIFOLD_COVERAGE"]
  return folder === undefined || starts++ % 2 === 1 ? {} : { NODE_V8_COVERAGE: folder }
}

export const start = ({ command: [file = "", ...args], directory, environment, listening, seconds = 30 }: Start): Promise<Started> =>
  new Promise((done, failed) => {
    const child = spawn(file, args, {
      cwd: directory,
      env: { ...process.env, ...covering(), ...environment },
      stdio: ["ignore", "pipe", "pipe"]
    })
    const output = { stdout: "", stderr: "" }
    const exited = new Promise<number | null>((gone) => child.once("close", gone))
    const end = (signal: NodeJS.Signals) => {
      child.kill(signal)
      const timer = setTimeout(() => child.kill("SIGKILL"), 10_000)
      return exited.finally(() => clearTimeout(timer))
    }
    const giveUp = (why: string) => {
      child.kill("SIGKILL")
      failed(new Error(`${file} ${args.join(" ")}: ${why}\n${output.stdout}${output.stderr}`))
    }
    const timer = setTimeout(() => giveUp(`did not listen within ${seconds} s`), seconds * 1000)
    child.once("error", failed)
    child.once("close", (code) => {
      clearTimeout(timer)
      giveUp(`ended with ${code} before it listened`)
    })
    child.stderr.on("data", (chunk: Buffer) => (output.stderr += chunk.toString()))
    child.stdout.on("data", (chunk: Buffer) => {
      output.stdout += chunk.toString()
      const url = listening.exec(output.stdout)?.[1]
      if (url === undefined || child.pid === undefined) return
      clearTimeout(timer)
      const pid = child.pid
      done({
        pid,
        url,
        exited,
        stderr: () => output.stderr,
        stop: () => end("SIGTERM"),
        kill: () => end("SIGKILL"),
        descendants: () => descendantsOf(pid)
      })
    })
  })

/** The living processes below `pid`, however deep; one that only waits to be reaped is not living. */
export const descendantsOf = (pid: number): ReadonlyArray<number> => {
  const children = new Map<number, Array<number>>()
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/u.test(entry))) {
    const stat = statOf(name)
    if (stat === undefined || stat.state === "Z") continue
    children.set(stat.parent, [...(children.get(stat.parent) ?? []), Number(name)])
  }
  const below = (at: number): ReadonlyArray<number> =>
    (children.get(at) ?? []).flatMap((child) => [child, ...below(child)])
  return below(pid)
}

export const isAlive = (pid: number): boolean => {
  const stat = statOf(`${pid}`)
  return stat !== undefined && stat.state !== "Z"
}

/** `undefined` when the process is gone. The name in brackets may itself hold brackets and spaces. */
const statOf = (pid: string) => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1")
    const [state = "", parent = ""] = text.slice(text.lastIndexOf(")") + 2).split(" ")
    return { state, parent: Number(parent) }
  } catch {
    return undefined
  }
}
