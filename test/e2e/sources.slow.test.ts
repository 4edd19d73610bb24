/** One gateway whose servers come from everywhere: fetched, built and called; its credentials are seen nowhere. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { call, statusOf, until } from "../kit/calls.ts"
import { gateway, type Gateway, temporaryDirectory } from "../kit/gateway.ts"
import { commitTo, gitServer, publish, workingCopy, write } from "../kit/gitServer.ts"
import { sshMissing, sshServer } from "../kit/sshServer.ts"
import { manifold } from "../kit/verbs.ts"
import { wheelIndexWith } from "../kit/wheelIndex.ts"

const TOKEN = "canary-0123456789-token"
const PLAIN = readFileSync("test/fixtures/servers/plain.py", "utf8")
const shout = { name: "shout", version: "1.0.0", files: { "shout.py": "" } }

if (sshMissing !== undefined) console.log(`skipped: a repository over ssh, ${sshMissing}`)

describe("servers from every source", () => {
  it.live("are fetched, built and called, each says in its status what runs and why, and no credential is seen", () =>
    Effect.gen(function*() {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => temporaryDirectory("manifold-sources-")),
        (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
      )
      const index = yield* wheelIndexWith(shout, { name: "plain-server", version: "1.0.0", files: { "plain.py": PLAIN }, scripts: { "plain-server": "plain:main" }, requires: ["shout"] })
      const commit = typescriptIn(`${folder}/node`)
      workingCopy(`${folder}/python`, { "apps/plain/server.py": PLAIN, "apps/plain/requirements.txt": "shout==1.0.0\n" })
      for (const name of ["node", "python"]) publish(`${folder}/${name}`, `${folder}/bare/${name}.git`)
      const server = yield* gitServer(`${folder}/bare`, { credential: `robot:${TOKEN}` })
      const ssh = sshMissing === undefined ? yield* sshServer(folder) : undefined

      const common = { auth_strategy: "bypass_auth" }
      const token = { token: "${env:CANARY_TOKEN}", username: "robot" }
      const servers = [
        { id: "node", type: "git", url: server.url("node.git"), branch: "main", ...token, ...common },
        { id: "python", type: "git", url: server.url("python.git"), subdirectory: "apps/plain", index_url: index.url, ...token, ...common },
        { id: "wheel", type: "pypi", package: "plain-server", index_url: index.url, ...common },
        { id: "copy", type: "local", path: `${folder}/python/apps/plain`, install: true, index_url: index.url, ...common },
        ...(ssh === undefined ? [] : [{
          id: "deployed",
          type: "git",
          url: ssh.url(`${folder}/bare/python.git`),
          command: "apps/plain/run.py",
          ssh_key: `\${file:${folder}/user}`,
          known_hosts: ssh.knownHosts,
          ...common
        }])
      ]
      commitTo(`${folder}/python`, { "apps/plain/run.py": `#!/usr/bin/env python3\n${PLAIN}` })
      publish(`${folder}/python`, `${folder}/bare/python.git`)

      const gate = yield* gateway({ servers }, { environment: { CANARY_TOKEN: TOKEN } })
      yield* ready(gate)
      for (const { id } of servers) {
        const { error, text } = yield* Effect.promise(() => call(gate.url, `${id}__reverse`, { text: "stressed" }))
        assert.deepStrictEqual([error, text], [undefined, "desserts"], id)
      }

      const { out } = yield* manifold(["status", "--url", gate.url])
      const said = out.replaceAll(/\s+/gu, " ")
      assert.include(said, `runs git ${server.url("node.git")}@${commit}: dist/index.js (bin of package.json), run by Node.js; dependencies from package-lock.json; built by npm run build (dist/index.js is not in the source)`)
      assert.include(said, "server.py (a usual name), run by Python; dependencies from requirements.txt")
      assert.include(said, "plain-server (a command of plain-server), run by Python")

      const status = JSON.stringify(yield* Effect.promise(() => statusOf(gate.url)))
      const secrets = [TOKEN, btoa(`robot:${TOKEN}`), ...(ssh === undefined ? [] : ssh.key.split("\n").slice(1, 3))]
      for (const secret of secrets) {
        assert.notInclude(gate.stderr() + status + out, secret)
        assert.strictEqual(execFileSync("sh", ["-c", "grep -rlF -- \"$1\" \"$2\" || true", "sh", secret, join(gate.directory, "data")], { encoding: "utf8" }), "")
      }
    }).pipe(Effect.scoped), 300_000)

  it.live("run as they were at the next start, without anybody to ask; a copy that was changed is made anew", () =>
    Effect.gen(function*() {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => temporaryDirectory("manifold-sources-")),
        (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
      )
      const data = `${folder}/data`
      const hosting = { host: "127.0.0.1", port: 0, data_directory: data }
      workingCopy(`${folder}/copy`, { "server.py": PLAIN })
      publish(`${folder}/copy`, `${folder}/bare/r.git`)
      const started = Effect.fnUntraced(function*(url: string) {
        const gate = yield* gateway({ hosting, servers: [{ id: "a", type: "git", url, branch: "main", auth_strategy: "bypass_auth" }] })
        yield* ready(gate)
        return { log: gate.stderr(), answer: yield* Effect.promise(() => call(gate.url, "a__reverse", { text: "abc" })) }
      }, Effect.scoped)

      const url = yield* Effect.scoped(Effect.gen(function*() {
        const server = yield* gitServer(`${folder}/bare`)
        yield* started(server.url("r.git"))
        return server.url("r.git")
      }))
      const again = yield* started(url)
      assert.strictEqual(again.answer.text, "cba")
      assert.notInclude(again.log, "is not used")

      const [artifact = ""] = readdirSync(`${data}/cache`)
      const file = `${data}/cache/${artifact}/artifact/source/server.py`
      chmodSync(file, 0o600)
      writeFileSync(file, PLAIN.replace("[::-1]", ""))
      yield* gitServer(`${folder}/bare`, { port: Number(new URL(url).port) })
      const renewed = yield* started(url)
      assert.strictEqual(renewed.answer.text, "cba")
      assert.match(renewed.log, /is not used: \\*"source\/server\.py\\*" has changed since it was made/u)
    }).pipe(Effect.scoped), 120_000)
})

const ready = ({ url }: Gateway) =>
  Effect.promise(() => until(() => statusOf(url), ({ servers }) => servers.every(({ actual }) => actual.phase === "ready"), 200))

/** A server in TypeScript, on the official SDK; gives its commit. */
const typescriptIn = (folder: string): string => {
  write(folder, {
    ".gitignore": "node_modules\n",
    "package.json": JSON.stringify({
      name: "typed-server",
      version: "1.0.0",
      type: "module",
      bin: "dist/index.js",
      scripts: { build: "tsc" },
      dependencies: { "@modelcontextprotocol/sdk": "1.32.2", zod: "4.1.12" },
      devDependencies: { "@types/node": "24.19.2", typescript: "7.0.2" }
    }),
    "tsconfig.json": JSON.stringify({
      compilerOptions: { target: "es2022", module: "nodenext", outDir: "dist", rootDir: "src", skipLibCheck: true, strict: true, types: ["node"] },
      include: ["src"]
    }),
    "src/index.ts": `#!/usr/bin/env node
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js"
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js"
import { z } from "zod"

enum Words { Name = "typed-server" }
const server = new McpServer({ name: Words.Name, version: "1.0.0" })
server.registerTool("reverse", { inputSchema: { text: z.string() } }, async ({ text }) => ({
  content: [{ type: "text" as const, text: [...text].reverse().join("") }]
}))
await server.connect(new StdioServerTransport())
`
  })
  execFileSync("npm", ["install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: resolve(folder), stdio: "ignore" })
  return workingCopy(folder, {})
}
