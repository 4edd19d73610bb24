/** Each verb as a shell sees it, against a gateway of its own: exit code, standard output, standard error. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { spawn } from "node:child_process"
import { rmSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { gateway, type Gateway, temporaryDirectory } from "../kit/gateway.ts"
import { MAIN } from "../kit/main.ts"

const hello = resolve("manifests/examples/servers/hello.mjs")
const secret = "hunter2-hunter2"

const server = {
  id: "hello",
  type: "local",
  path: hello,
  auth_strategy: "bypass_auth",
  config: { environment: { API_KEY: secret } }
}
const manifest = { servers: [server] }
const broken = { id: "broken", type: "local", command: "/does/not/exist", auth_strategy: "bypass_auth" }

describe("manifold status", () => {
  it.live("gives 0 and a table while all serve, 1 and the reason when one does not", () =>
    Effect.gen(function*() {
      const running = yield* gateway(manifest)
      const good = yield* until(running, ["status"], ({ code }) => code === 0)
      assert.match(good.out, /^http:\/\/127\.0\.0\.1:\d+: generation 1, 1 of 1 server as wanted\n/u)
      assert.match(good.out, /^hello +ready +\d+s ago +0 +2025-06-18 +1 tool$/mu)

      running.rewrite({ servers: [server, broken] })
      const bad = yield* until(running, ["status"], ({ code, out }) => code === 1 && out.includes("degraded"))
      assert.include(bad.out, "1 of 2 servers as wanted")
      assert.include(bad.out, "    why       Could not start \"/does/not/exist\"")
      assert.match(bad.out, /next {6}tried again in \d+s/u)

      running.rewrite("version: 1\nserver: []\n")
      const refused = yield* until(running, ["status"], ({ out }) => out.includes("not in force"))
      assert.strictEqual(refused.code, 1)
      assert.include(refused.out, "manifold.yaml:2:1: server: is not a known key")
      assert.notInclude(good.out + bad.out + refused.out, secret)
    }))

  it.live("prints the gateway's answer with --json, also by way of MANIFOLD_URL", () =>
    Effect.gen(function*() {
      const running = yield* gateway(manifest)
      yield* until(running, ["status"], ({ code }) => code === 0)
      const { code, out } = yield* manifold(["status", "--json"], { environment: { MANIFOLD_URL: running.url } })
      const answer = JSON.parse(out)
      assert.strictEqual(code, 0)
      assert.sameMembers(Object.keys(answer), ["generation", "manifest", "plugins", "servers"])
      assert.deepInclude(answer.servers[0], { id: "hello", type: "local", required: false, excluded: [] })
      assert.deepInclude(answer.servers[0].actual, { phase: "ready", restarts: 0, era: "legacy", generation: 1 })
    }))
})

describe("manifold plan", () => {
  it.live("says what a changed manifest would do to the gateway, and never a value", () =>
    Effect.gen(function*() {
      const running = yield* gateway({ servers: [server, { ...broken, enabled: true }] })
      const file = manifestWith({
        servers: [
          { ...server, config: { environment: { API_KEY: `${secret}-new` } } },
          { ...server, id: "second" }
        ]
      })
      const text = yield* manifold(["plan", file, "--url", running.url])
      const json = yield* manifold(["plan", file, "--url", running.url, "--json"])
      assert.strictEqual(text.code, 0)
      assert.match(text.out, /^ {2}~ replace {2}hello +config\.environment\.API_KEY differs$/mu)
      assert.match(text.out, /^ {2}\+ add {6}second +not running yet$/mu)
      assert.match(text.out, /^ {2}- remove {3}broken +no longer in the manifest$/mu)
      assert.include(text.out, "3 servers: 1 to add, 1 to replace, 1 to remove.")
      assert.deepInclude(JSON.parse(json.out), {
        valid: true,
        against: running.url.replace("/mcp", ""),
        servers: [
          { id: "hello", action: "replace", why: ["config.environment.API_KEY"] },
          { id: "second", action: "add", why: ["id"] },
          { id: "broken", action: "remove", why: ["id"] }
        ]
      })
      assert.notInclude(text.out + text.err + json.out + json.err, secret)
    }))

  it.live("keeps everything when the manifest is the one that runs", () =>
    Effect.gen(function*() {
      const running = yield* gateway(manifest)
      const { out } = yield* manifold(["plan", running.manifest, "--set", "hosting.port=0", "--url", running.url])
      assert.include(out, "1 server: 1 kept.")
    }))

  it.live("compares with nothing where no gateway is at the manifest's own address, and says so", () =>
    Effect.gen(function*() {
      const { code, out } = yield* manifold(["plan", manifestWith({ hosting: { port: 9 }, ...manifest })])
      assert.strictEqual(code, 0)
      assert.include(out, "against nothing: no gateway answers at http://127.0.0.1:9 (")
      assert.include(out, "1 server: 1 to add.")
    }))

  it.live("gives 78 with every mistake, and 69 when the gateway at --url does not answer", () =>
    Effect.gen(function*() {
      const wrong = yield* manifold(["plan", manifestWith({ servers: [{ ...server, auth_strategy: "none", pat: 1 }] })])
      const wrongJson = yield* manifold(["plan", manifestWith({ servers: 1 }), "--json"])
      const gone = yield* manifold(["plan", manifestWith(manifest), "--url", "http://127.0.0.1:9"])
      assert.deepStrictEqual([wrong.code, wrongJson.code, gone.code], [78, 78, 69])
      assert.include(wrong.err, "did you mean \"path\"?")
      assert.include(wrong.err, "there is no auth strategy \"none\"")
      assert.isFalse(JSON.parse(wrongJson.out).valid)
      assert.include(gone.err, "No gateway answers at http://127.0.0.1:9")
    }))
})

describe("manifold tools", () => {
  it.live("lists and calls, with arguments from the command line and from standard input", () =>
    Effect.gen(function*() {
      const running = yield* gateway(manifest)
      const list = yield* until(running, ["tools", "list"], ({ out }) => out.includes("hello"))
      const json = JSON.parse((yield* manifold(["tools", "list", "--json", "--url", running.url])).out)
      const call = yield* manifold(["tools", "call", "hello__greet", "{\"name\": \"Ada\"}", "--url", running.url])
      const piped = yield* manifold(["tools", "call", "hello__greet", "-", "--json", "--url", running.url], { input: "{\"name\": \"Bo\"}" })
      assert.strictEqual(list.out, "hello__greet(name)\n    Greets someone by name\n")
      assert.deepStrictEqual(json.tools.map(({ name }: { name: string }) => name), ["hello__greet"])
      assert.deepStrictEqual(call, { code: 0, out: "Hello, Ada!\n", err: "" })
      assert.deepStrictEqual(JSON.parse(piped.out).content, [{ type: "text", text: "Hello, Bo!" }])
    }))

  it.live("gives 1 and the reason for a failed tool, an unknown name and arguments that are no JSON", () =>
    Effect.gen(function*() {
      const running = yield* gateway(manifest)
      yield* until(running, ["tools", "list"], ({ out }) => out.includes("hello"))
      const call = (...args: ReadonlyArray<string>) => manifold(["tools", "call", ...args, "--url", running.url])
      assert.deepStrictEqual(yield* call("hello__greet", "{}"), { code: 1, out: "", err: "name has to be text\n" })
      assert.deepStrictEqual(yield* call("hello__gret"), { code: 1, out: "", err: "There is no tool \"hello__gret\". Did you mean hello__greet?\n" })
      const { code, err } = yield* call("hello__greet", "{\"name\": Ada}")
      assert.strictEqual(code, 1)
      assert.include(err, "line 1, column 10: Unexpected token 'A'\n  {\"name\": Ada}\n           ^")
    }))

  it.live("gives 1 when the answer takes longer than --timeout", () =>
    Effect.gen(function*() {
      const slow = fileWith("slow.mjs", SLOW)
      const running = yield* gateway({ servers: [{ ...server, path: slow }] })
      yield* until(running, ["tools", "list"], ({ out }) => out.includes("hello"))
      const { code, err } = yield* manifold(["tools", "call", "hello__wait", "--timeout", "300ms", "--url", running.url])
      assert.deepStrictEqual({ code, err }, { code: 1, err: "There was no answer in time; --timeout gives it longer\n" })
    }))

  it.live("gives 69 when no gateway answers", () =>
    Effect.gen(function*() {
      const list = yield* manifold(["tools", "list", "--url", "http://127.0.0.1:9"])
      const call = yield* manifold(["tools", "call", "a", "--url", "http://127.0.0.1:9"])
      const status = yield* manifold(["status", "--url", "http://127.0.0.1:9"])
      for (const { code, err, out } of [list, call, status]) {
        assert.deepStrictEqual({ code, out }, { code: 69, out: "" })
        assert.include(err, "No gateway answers at http://127.0.0.1:9")
      }
    }))
})

describe("the command line", () => {
  it.live("has help with examples for each verb, and a version", () =>
    Effect.gen(function*() {
      for (const verb of [["serve"], ["check"], ["plan"], ["status"], ["schema"], ["tools", "list"], ["tools", "call"]]) {
        const { code, out } = yield* manifold([...verb, "--help"])
        assert.strictEqual(code, 0)
        assert.include(out, `manifold ${verb.join(" ")}`)
        assert.include(out, "EXAMPLES", verb.join(" "))
      }
      assert.match((yield* manifold(["--version"])).out, /^manifold v\d+\.\d+\.\d+\n$/u)
    }))

  it.live("gives 1 for wrong usage and names the nearest verb and flag", () =>
    Effect.gen(function*() {
      const verb = yield* manifold(["statsu"])
      const flag = yield* manifold(["status", "--jsn"])
      const address = yield* manifold(["status", "--url", "localhost:8080"])
      assert.deepStrictEqual([verb.code, flag.code, address.code], [1, 1, 1])
      assert.include(verb.err, "status")
      assert.include(flag.err, "--json")
      assert.include(address.err, "begins with https:// or http://")
    }))
})

const SLOW = `
import { createInterface } from "node:readline"
const answers = {
  initialize: { protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo: { name: "slow", version: "1" } },
  "tools/list": { tools: [{ name: "wait", inputSchema: { type: "object" } }] }
}
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method } = JSON.parse(line)
  if (id === undefined || method === "tools/call") continue
  const result = answers[method]
  console.log(JSON.stringify({ jsonrpc: "2.0", id, ...(result ? { result } : { error: { code: -32601, message: "unknown" } }) }))
}
`

const folders: Array<string> = []
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })))

const fileWith = (name: string, text: string) => {
  const folder = temporaryDirectory()
  folders.push(folder)
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

const manifestWith = (value: object) => fileWith("manifold.yaml", JSON.stringify({ version: 1, ...value }))

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

interface Around {
  readonly environment?: Readonly<Record<string, string>>
  readonly input?: string
}

const manifold = (args: ReadonlyArray<string>, { environment = {}, input = "" }: Around = {}) =>
  Effect.callback<Ended>((resume) => {
    const covering = process.env["MANIFOLD_COVERAGE"]
    const child = spawn("node", [MAIN, ...args], {
      env: { ...process.env, ...environment, ...(covering === undefined ? {} : { NODE_V8_COVERAGE: covering }) }
    })
    const said = { out: "", err: "" }
    child.stdout.on("data", (chunk: Buffer) => (said.out += chunk.toString()))
    child.stderr.on("data", (chunk: Buffer) => (said.err += chunk.toString()))
    child.once("close", (code) => resume(Effect.succeed({ code, ...said })))
    child.stdin.end(input)
  })

/** Runs the verb until it ends as expected; the test's own time limit ends the trying. */
const until = ({ url }: Gateway, args: ReadonlyArray<string>, holds: (ended: Ended) => boolean) =>
  manifold([...args, "--url", url]).pipe(
    Effect.repeat({ until: holds, schedule: Schedule.spaced("200 millis") })
  )
