/** `npm run check`: what must hold before a commit. Prints one line per step, and the output of those that fail. */
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"

interface Step {
  readonly name: string
  readonly command: ReadonlyArray<string>
}

const steps: ReadonlyArray<Step> = [
  { name: "types", command: ["tsc"] },
  { name: "fast tests", command: ["vitest", "run", "--project", "fast"] },
  {
    name: "effect diagnostics",
    command: ["effect-tsgo", "diagnostics", "--project", "tsconfig.json", "--severity", "error,warning", "--strict", "--format", "text"]
  },
  { name: "lint", command: ["oxlint", "--deny-warnings"] },
  { name: "import rules", command: ["node", "scripts/importRules.ts"] },
  { name: "JSON Schema is fresh", command: ["node", "scripts/schema.ts", "--check"] },
  { name: "manual is fresh", command: ["node", "scripts/docs.ts", "--check"] }
]

const run = ({ command: [file = "", ...args], name }: Step): Promise<boolean> =>
  new Promise((done) => {
    const began = performance.now()
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] })
    const output: Array<Buffer> = []
    child.stdout.on("data", (chunk: Buffer) => output.push(chunk))
    child.stderr.on("data", (chunk: Buffer) => output.push(chunk))
    const finish = (passed: boolean) => {
      const seconds = ((performance.now() - began) / 1000).toFixed(1)
      console.log(`${passed ? "ok  " : "FAIL"} ${name} (${seconds} s)`)
      if (!passed) console.log(Buffer.concat(output).toString())
      done(passed)
    }
    child.on("error", () => finish(false))
    child.on("close", (code) => finish(code === 0))
  })

const wanted = process.argv.includes("--without-tests") ? steps.filter(({ name }) => name !== "fast tests") : steps
const missing = wanted.filter(({ command }) => command[0] === "node" && !existsSync(command[1] ?? ""))
for (const { name, command } of missing) console.log(`skip ${name}: no ${command[1]}`)

const queue = wanted.filter((step) => !missing.includes(step))
const results: Array<boolean> = []
const worker = async () => {
  for (let step = queue.shift(); step !== undefined; step = queue.shift()) results.push(await run(step))
}
await Promise.all([worker(), worker()])
process.exitCode = results.every(Boolean) ? 0 : 1
