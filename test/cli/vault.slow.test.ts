/** `manifold vault` as a shell sees it: killed in the middle, beside a gateway that runs, and from one machine to another. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import type { ChildProcess } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { Vault } from "../../src/vault/Vault.ts"
import { storeFile, vaultLayer } from "../../src/vault/Vault.node.ts"
import { keyTextOf, manifold, place } from "../kit/verbs.ts"
import { secret, textOf } from "../kit/vault.ts"

const ROWS = 600
const names = Array.from({ length: ROWS }, (_, index) => `row ${index}`)

/** How many rows of the vault each key has sealed. */
const countsByKey = (dataDirectory: string): ReadonlyMap<string, number> => {
  const database = new DatabaseSync(storeFile(dataDirectory), { readOnly: true, timeout: 1000 })
  const rows = database.prepare("SELECT hex(substr(value, 2, 8)) AS id, count(*) AS count FROM rows WHERE tbl = 'vault' GROUP BY id").all()
  database.close()
  return new Map(rows.map(({ count, id }) => [String(id), Number(count)]))
}

const killWhen = (child: ChildProcess, isTime: () => boolean) => {
  const timer = setInterval(() => isTime() && child.kill("SIGKILL"), 3)
  child.once("close", () => clearInterval(timer))
}

/** The vault of a place, opened by this process as a gateway would. */
const vaultIn = ({ dataDirectory, directory }: { readonly dataDirectory: string; readonly directory: string }, environment = {}) =>
  Effect.map(Layer.build(Layer.fresh(vaultLayer({ dataDirectory, directory, environment }))), Context.get(Vault))

describe("manifold vault rotate", () => {
  it.live("killed at random moments goes on until it is done; a process that runs beside it reads and writes all the while", () =>
    Effect.gen(function*() {
      const here = yield* place()
      const vault = yield* vaultIn(here)
      yield* Effect.forEach(names, (name) => vault.put("tokens", name, secret(name)))
      const keyFile = join(here.dataDirectory, "keys", "vault")
      const first = readFileSync(keyFile, "utf8")
      const left = Array.from({ length: 4 }, (_, index) => Math.floor(ROWS * (0.95 - 0.2 * index - 0.15 * Math.random())))
      const firstId = [...countsByKey(here.dataDirectory).keys()][0] ?? ""
      for (const most of left) {
        const killed = yield* here.run(["vault", "rotate"], { started: (child) => killWhen(child, () => (countsByKey(here.dataDirectory).get(firstId) ?? 0) <= most) })
        assert.isNull(killed.code)
        const name = names[Math.floor(Math.random() * ROWS)] ?? ""
        assert.strictEqual(textOf(yield* vault.get("tokens", name)), name, `killed when ${left.join()} were left`)
        yield* vault.put("tokens", name, secret(name))
        assert.strictEqual(textOf(yield* (yield* vaultIn(here)).get("tokens", name)), name)
      }
      const done = yield* here.run(["vault", "rotate"])
      assert.strictEqual(done.code, 0, done.err)
      assert.match(done.out, /^Finished the rotation that was begun: \d+ rows sealed anew, from key [0-9a-f]{16} to key [0-9a-f]{16}\nThe new key is in .*keys\/vault\n$/u)
      const last = readFileSync(keyFile, "utf8")
      assert.notStrictEqual(last, first)
      assert.strictEqual(statSync(keyFile).mode & 0o777, 0o600)
      const fresh = yield* vaultIn(here, { MANIFOLD_VAULT_KEY: last })
      const found = yield* Effect.forEach(names, (name) => Effect.map(fresh.get("tokens", name), textOf))
      assert.deepStrictEqual(found, names)
      assert.strictEqual(yield* fresh.setAside, 0)
      assert.notInclude(done.out + done.err, last.trim())
    }).pipe(Effect.scoped))

  it.live("that was cut short before its key file was written can be finished with another file, which gets the same key", () =>
    Effect.gen(function*() {
      const here = yield* place()
      yield* here.run(["secrets", "set", "a"], { input: "v" })
      // In the place of the draft that would become the key file lies a folder, whatever the process is called.
      const keyFile = join(here.dataDirectory, "keys", "vault")
      const inTheWay = ({ pid }: { readonly pid?: number | undefined }) => mkdirSync(`${keyFile}.${pid}.draft/x`, { recursive: true })
      const failed = yield* here.run(["vault", "rotate"], { started: inTheWay })
      assert.strictEqual(failed.code, 78)
      assert.include(failed.err, "it cannot be written")
      const next = join(here.directory, "next")
      const done = yield* here.run(["vault", "rotate", "--new-key-file", next])
      assert.strictEqual(done.code, 0, done.err)
      assert.include(done.out, "Finished the rotation that was begun")
      const vault = yield* vaultIn(here, { MANIFOLD_VAULT_KEY: readFileSync(next, "utf8") })
      assert.strictEqual(textOf(yield* vault.get("secrets", "a")), "v")
    }).pipe(Effect.scoped))

  it.live("asks for the next key where the key is no file of its own, and says where to put it", () =>
    Effect.gen(function*() {
      const here = yield* place()
      const environment = { MANIFOLD_VAULT_KEY: keyTextOf(1) }
      yield* here.run(["secrets", "set", "a"], { input: "v", environment })
      const asked = yield* here.run(["vault", "rotate"], { environment })
      assert.deepStrictEqual([asked.code, asked.out], [1, ""])
      assert.include(asked.err, "it comes from MANIFOLD_VAULT_KEY; say with --new-key-file")
      const next = join(here.directory, "next.key")
      const done = yield* here.run(["vault", "rotate", "--new-key-file", next], { environment })
      assert.strictEqual(done.code, 0, done.err)
      assert.include(done.out, "where MANIFOLD_VAULT_KEY has it")
      const vault = yield* vaultIn(here, { MANIFOLD_VAULT_KEY: readFileSync(next, "utf8") })
      assert.strictEqual(textOf(yield* vault.get("secrets", "a")), "v")
      const weak = join(here.directory, "weak.key")
      writeFileSync(weak, "AAAA")
      const refused = yield* here.run(["vault", "rotate", "--new-key-file", weak], { environment: { MANIFOLD_VAULT_KEY: readFileSync(next, "utf8") } })
      assert.strictEqual(refused.code, 78)
      assert.include(refused.err, "it has 3 bytes and not 32")
    }).pipe(Effect.scoped))
})

describe("manifold vault export and import", () => {
  it.live("carry everything to a vault with another key, twice with the same end, and leave what is there unless told", () =>
    Effect.gen(function*() {
      const [from, to] = [yield* place(), yield* place()]
      const [file, passphrase] = [join(from.directory, "out"), join(from.directory, "passphrase")]
      writeFileSync(passphrase, "correct horse battery staple\n")
      yield* (yield* vaultIn(from)).put("tokens", "t", secret("hunter2"), { expires: Date.now() + 1e9 })
      yield* from.run(["secrets", "set", "a"], { input: "theirs" })
      const written = yield* from.run(["vault", "export", file, "--passphrase-file", passphrase])
      assert.deepStrictEqual([written.code, written.out], [0, `2 rows written to ${file}\n`])
      assert.strictEqual(statSync(file).mode & 0o777, 0o600)
      assert.strictEqual((yield* from.run(["vault", "export", file, "--passphrase-file", passphrase])).code, 1)

      yield* to.run(["secrets", "set", "a"], { input: "ours" })
      const vault = yield* vaultIn(to)
      const take = (...args: ReadonlyArray<string>) => to.run(["vault", "import", file, "--passphrase-file", passphrase, ...args])
      const first = yield* take()
      assert.strictEqual(first.out, "1 row taken in, 1 left as they are here; --replace takes the others\n", first.err)
      assert.strictEqual(textOf(yield* vault.get("secrets", "a")), "ours")
      assert.strictEqual((yield* take("--replace")).out, "2 rows taken in\n")
      assert.strictEqual(textOf(yield* vault.get("secrets", "a")), "theirs")
      const token = yield* vault.get("tokens", "t")
      assert.isTrue(textOf(token) === "hunter2" && token?.expires !== undefined)
    }).pipe(Effect.scoped))

  it.live("with another passphrase takes in nothing, and makes no vault", () =>
    Effect.gen(function*() {
      const [from, to] = [yield* place(), yield* place()]
      const [file, right, wrong] = ["out", "right", "wrong"].map((name) => join(from.directory, name))
      writeFileSync(right ?? "", "correct horse battery staple")
      writeFileSync(wrong ?? "", "correct horse battery stable")
      yield* from.run(["secrets", "set", "a"], { input: "v" })
      yield* from.run(["vault", "export", file ?? "", "--passphrase-file", right ?? ""])
      const refused = yield* manifold(["vault", "import", file ?? "", "--passphrase-file", wrong ?? "", "-m", to.path])
      assert.deepStrictEqual([refused.code, refused.out], [1, ""])
      assert.include(refused.err, "the passphrase is another one")
      assert.isFalse(existsSync(to.dataDirectory))
    }).pipe(Effect.scoped))
})
