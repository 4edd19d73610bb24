/** One refresh for many callers in real processes that share a store file. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect } from "effect"
import { TestClock } from "effect/testing"
import { spawn } from "node:child_process"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { RefreshFailed } from "../../src/plugin/Keep.ts"
import { Vault } from "../../src/vault/Vault.ts"
import { storeFile } from "../kit/store.ts"
import { heldKey, keyOf, secret, textOf, vaultAt } from "../kit/vault.ts"

/** The authorization server of the refreshes, and what it was asked. */
const tokenServer = (answer: (request: IncomingMessage, response: ServerResponse, count: number) => void) =>
  Effect.acquireRelease(
    Effect.promise(() =>
      new Promise<{ readonly url: string; readonly asked: () => number; readonly close: () => void }>((done) => {
        let count = 0
        const server = createServer((request, response) => answer(request, response, ++count))
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const port = typeof address === "object" ? address?.port : 0
          done({ url: `http://127.0.0.1:${port}`, asked: () => count, close: () => server.close() })
        })
      })
    ),
    ({ close }) => Effect.sync(close)
  )

const refresher = (file: string, seen: number, url: string, callers: number) => {
  const child = spawn("node", ["test/fixtures/vault/refresher.ts", file, `${seen}`, url, `${callers}`], { stdio: ["ignore", "pipe", "inherit"] })
  const out = new Promise<string>((done) => {
    let text = ""
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()))
    child.once("close", () => done(text))
  })
  return { child, out }
}

const shared = Effect.gen(function*() {
  const file = yield* storeFile
  const vault = Context.get(yield* vaultAt(file, heldKey({ bytes: keyOf(1) })), Vault)
  return { file, vault, seen: yield* vault.put("tokens", "k", secret("old")) }
})

describe("a refresh between processes", () => {
  it.live("asks the authorization server once for 4 processes with 25 callers each, and all get the answer", () =>
    Effect.gen(function*() {
      const { file, seen, vault } = yield* shared
      const { asked, url } = yield* tokenServer((_, response, count) => setTimeout(() => response.end(`new ${count}`), 1500))
      const processes = Array.from({ length: 4 }, () => refresher(file, seen, url, 25))
      const got = (yield* Effect.promise(() => Promise.all(processes.map(({ out }) => out)))).flatMap((out) => JSON.parse(out))
      assert.strictEqual(got.length, 100)
      assert.deepStrictEqual([...new Set(got)], ["new 1"])
      assert.strictEqual(asked(), 1)
      assert.strictEqual(textOf(yield* vault.get("tokens", "k")), "new 1")
    }).pipe(Effect.scoped))

  it.effect("goes to the next one when the process that made it is killed, after its lease, with the row as it was", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Date.now())
      const { file, seen, vault } = yield* shared
      const { promise: killed, resolve } = Promise.withResolvers<void>()
      const { url } = yield* tokenServer(() => {
        child.kill("SIGKILL")
        resolve()
      })
      const { child, out } = refresher(file, seen, url, 1)
      yield* Effect.promise(() => killed)
      yield* Effect.promise(() => out)
      assert.strictEqual(textOf(yield* vault.get("tokens", "k")), "old")
      yield* TestClock.setTime(Date.now() + 31_000)
      const opened = yield* vault.refreshing({ table: "tokens", key: "k", seen, refresh: () => Effect.succeed({ value: secret("mine") }) })
      assert.strictEqual(textOf(opened), "mine")
    }).pipe(Effect.scoped))

  it.live("that fails in one process fails in the others, with one question asked", () =>
    Effect.gen(function*() {
      const { file, seen, vault } = yield* shared
      const { asked, url } = yield* tokenServer((request) => setTimeout(() => request.socket.destroy(), 1500))
      const processes = Array.from({ length: 3 }, () => refresher(file, seen, url, 5))
      const got = (yield* Effect.promise(() => Promise.all(processes.map(({ out }) => out)))).flatMap((out) => JSON.parse(out))
      assert.deepStrictEqual([...new Set(got)], [new RefreshFailed({ reason: "nobody answers", final: false }).message])
      assert.strictEqual(asked(), 1)
      assert.strictEqual(textOf(yield* vault.get("tokens", "k")), "old")
    }).pipe(Effect.scoped))
})
