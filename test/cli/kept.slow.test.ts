/** The verbs that change what a gateway keeps, as a shell sees them; no value in an argument, an output or a log. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { gateway } from "../kit/gateway.ts"
import { type Around, keyIn, manifold, place } from "../kit/verbs.ts"

const hello = resolve("manifests/examples/servers/hello.mjs")
const secret = "hunter2-hunter2"

describe("manifold secrets", () => {
  it.live("puts a value in from standard input or a file, lists it without its value, and removes it", () =>
    Effect.gen(function*() {
      const { directory, run } = yield* place()
      writeFileSync(join(directory, "value"), "from a file\r\n")
      const set = yield* run(["secrets", "set", "a.b"], { input: `${secret}\n` })
      assert.deepStrictEqual([set.code, set.out], [0, "${secret:a.b} is set; a gateway that runs and refers to it takes it within half a minute\n"])
      assert.include(set.err, "The vault's key is a random one")
      const again = yield* run(["secrets", "set", "c", "--value-file", join(directory, "value")])
      assert.deepStrictEqual([again.code, again.err], [0, ""])
      const list = yield* run(["secrets", "list"])
      assert.match(list.out, /^NAME +SET\na\.b +20\d\d-[^\n]+Z\nc +20/u)
      const json = JSON.parse((yield* run(["secrets", "list", "--json"])).out)
      assert.deepStrictEqual(json.secrets.map(({ name }: { readonly name: string }) => name), ["a.b", "c"])
      const removed = yield* run(["secrets", "remove", "c"])
      const none = yield* run(["secrets", "remove", "c"])
      assert.deepStrictEqual([removed.code, none.code, none.err], [0, 1, "There is no secret \"c\"\n"])
      for (const { err, out } of [set, list]) assert.notInclude(out + err, secret)
    }))

  it.live("refuses no value, a wrong name, a missing manifest and a wrong key, each with its exit code", () =>
    Effect.gen(function*() {
      const { directory, run } = yield* place()
      const codeOf = (args: ReadonlyArray<string>, around?: Around) => Effect.map(run(args, around), ({ code, err }) => [code, err.split(/[:;]/u)[0]?.trim()])
      assert.deepStrictEqual(yield* codeOf(["secrets", "set", "a"], { input: "\n" }), [1, "There is no value"])
      assert.deepStrictEqual(yield* codeOf(["secrets", "set", "a b"], { input: "x" }), [1, "\"a b\" cannot be the name of a secret"])
      assert.isFalse(existsSync(join(directory, "data")))
      yield* run(["secrets", "set", "a"], { input: secret, environment: keyIn(1) })
      const wrong = yield* run(["secrets", "set", "a"], { input: secret, environment: keyIn(2) })
      assert.strictEqual(wrong.code, 78)
      assert.match(wrong.err, /^The vault's key from MANIFOLD_VAULT_KEY cannot be used: it is another one/u)
      const missing = yield* manifold(["secrets", "list", "-m", join(directory, "none.yaml")])
      assert.strictEqual(missing.code, 78)
    }))
})

describe("a gateway", () => {
  it.live("gives a server its secret, the new one when it was changed, and shows the secret nowhere", () =>
    Effect.gen(function*() {
      const running = yield* gateway(manifestOf("${secret:hello}"), { prepare: (directory) => setSecret(directory, "hello", secret) })
      const greeted = (greeting: string) =>
        Effect.sync(() => running.descendants().some((pid) => environOf(pid).includes(`GREETING=${greeting}`))).pipe(
          Effect.repeat({ until: (found) => found, schedule: Schedule.spaced("100 millis") })
        )
      yield* greeted(secret)
      yield* Effect.promise(() => setSecret(running.directory, "hello", `${secret}-new`))
      running.rewrite(manifestOf("${secret:hello}"))
      yield* greeted(`${secret}-new`)
      assert.notInclude(running.stderr(), secret)
      const { code, out } = yield* manifold(["check", "--effective", running.manifest])
      assert.strictEqual(code, 0)
      assert.include(out, "servers.hello.config.environment.GREETING: ${secret:hello}")
      assert.notInclude(out, secret)
    }))

  it.live("without secrets starts without a store, a key or a vault", () =>
    Effect.gen(function*() {
      const running = yield* gateway(manifestOf("plain"))
      assert.deepStrictEqual(readdirSync(join(running.directory, "data")).filter((name) => name.startsWith("store")), [])
      assert.isFalse(existsSync(join(running.directory, "data", "keys", "vault")))
    }))

  it.live("does not start with a weak key, nor with another one than its vault was sealed with", () =>
    Effect.gen(function*() {
      const { path, run } = yield* place()
      const serve = (environment: Readonly<Record<string, string>>) => manifold(["serve", "-m", path, "--port", "0"], { environment })
      const weak = yield* serve({ MANIFOLD_VAULT_KEY: Buffer.alloc(32).toString("base64") })
      assert.strictEqual(weak.code, 78)
      assert.include(weak.err, "all its bytes are equal")
      yield* run(["secrets", "set", "a"], { input: secret, environment: keyIn(1) })
      const wrong = yield* serve(keyIn(2))
      assert.strictEqual(wrong.code, 78)
      assert.include(wrong.err, "than the vault is sealed with")
      assert.strictEqual(wrong.out, "")
    }))
})

describe("manifold keys", () => {
  it.live("makes a key that is shown once, lists it by its end, and revokes it", () =>
    Effect.gen(function*() {
      const { directory, run } = yield* place()
      const made = yield* run(["keys", "create", "--name", "ci", "--scopes", "mcp, admin", "--expires", "90d"])
      assert.strictEqual(made.code, 0)
      assert.match(made.out, /^mfk_[A-Za-z0-9_-]{49}\n$/u)
      const key = made.out.trim()
      const again = yield* run(["keys", "create", "--name", "ci"])
      assert.deepStrictEqual([again.code, again.out], [1, ""])
      assert.include(again.err, "There is a key named \"ci\" already")
      const list = yield* run(["keys", "list"])
      assert.match(list.out, /^ID +NAME +STATE +KEY +CREATED +EXPIRES +SCOPES\n[0-9a-f]{16} +ci +in use +\.\.\.\S{4} +20\S+ +20\S+ +mcp,admin\n$/u)
      assert.include(list.out, `...${key.slice(-4)}`)
      const revoked = yield* run(["keys", "revoke", "ci"])
      const none = yield* run(["keys", "revoke", "ci"])
      assert.deepStrictEqual([revoked.code, none.code], [0, 1])
      const json = JSON.parse((yield* run(["keys", "list", "--json"])).out)
      assert.deepInclude(json.keys[0], { name: "ci", state: "revoked", scopes: ["mcp", "admin"] })
      assert.notInclude(JSON.stringify(json) + list.out, key.slice(4, 40))
      assert.isFalse(readFileSync(join(directory, "data", "store.db")).includes(key.slice(4, 40)))
    }))
})

const manifestOf = (greeting: string) => ({
  servers: [{ id: "hello", type: "local", path: hello, auth_strategy: "bypass_auth", config: { environment: { GREETING: greeting } } }]
})

/** Nothing when the process is gone. */
const environOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1")
  } catch {
    return ""
  }
}

const setSecret = (directory: string, name: string, value: string) =>
  Effect.runPromise(manifold(["secrets", "set", name, "-m", join(directory, "manifold.yaml"), "--set", `hosting.data_directory=${directory}/data`], { input: value }))
