/** Where a master key comes from: real files and programs, and what was set up but does not work. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, Redacted } from "effect"
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { KeySource } from "../../src/vault/KeySource.ts"
import { keySourceLayer, type KeySourceOptions } from "../../src/vault/KeySource.node.ts"
import { keyText } from "../../src/vault/MasterKey.ts"
import { folder } from "../kit/store.ts"
import { keyOf } from "../kit/vault.ts"

const textOf = (seed: number) => Redacted.value(keyText(keyOf(seed)))

/** A folder, the file of key 2 in it, and what finds a key for what is given beside that. */
const place = Effect.map(folder, (directory) => {
  writeFileSync(join(directory, "key"), `${textOf(2)}\n`, { mode: 0o600 })
  const source = (options: Partial<KeySourceOptions>) =>
    Effect.provide(KeySource, keySourceLayer({ directory, dataDirectory: join(directory, "data"), environment: {}, ...options }), { local: true })
  const found = (options: Partial<KeySourceOptions>) => Effect.flatMap(source(options), ({ find }) => find)
  const refused = (options: Partial<KeySourceOptions>) => Effect.map(Effect.flip(found(options)), ({ message }) => message)
  return { directory, source, found, refused }
})

/** A program in a folder of its own, to be found by PATH. */
const program = (directory: string, name: string, script: string) => {
  const bin = join(directory, "bin")
  mkdirSync(bin, { recursive: true })
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`)
  chmodSync(join(bin, name), 0o755)
  return { PATH: `${bin}:/usr/bin:/bin` }
}

describe("the source of the key", () => {
  it.effect("is the variable before the file, the file before the command, the command before one made here", () =>
    Effect.gen(function*() {
      const { directory, found } = yield* place
      const environment = program(directory, "kms", `test "$1" = "a b; exit 9" && echo ${textOf(3)}`)
      const command = ["kms", "a b; exit 9"]
      const all = { key_file: "./key", command, keyring: true }
      const sourceOf = (options: Partial<KeySourceOptions>) => Effect.map(found(options), (key) => [key?.source, key && Redacted.value(keyText(key.bytes))])
      assert.deepStrictEqual(yield* sourceOf({ vault: all, environment: { MANIFOLD_VAULT_KEY: textOf(1) } }), ["MANIFOLD_VAULT_KEY", textOf(1)])
      assert.deepStrictEqual(yield* sourceOf({ vault: all, environment }), [`the file ${directory}/key`, textOf(2)])
      assert.deepStrictEqual(yield* sourceOf({ vault: { command, keyring: true }, environment }), ["hosting.vault.command", textOf(3)])
      assert.isUndefined(yield* found({}))
    }).pipe(Effect.scoped))

  it.effect("makes a random key where none was set up: once, for its owner alone, and another one elsewhere", () =>
    Effect.gen(function*() {
      const [one, two] = [yield* place, yield* place]
      const keys = yield* Effect.forEach([one, one, two], ({ source }) => Effect.flatMap(source({}), ({ make }) => make))
      const [first, again, other] = keys.map(({ bytes }) => Redacted.value(keyText(bytes)))
      assert.strictEqual(first, again)
      assert.notStrictEqual(first, other)
      const file = join(one.directory, "data", "keys", "vault")
      assert.strictEqual(statSync(file).mode & 0o777, 0o600)
      assert.strictEqual(readFileSync(file, "utf8"), `${first}\n`)
      assert.deepStrictEqual(readdirSync(join(one.directory, "data", "keys")), ["vault"])
      assert.strictEqual((yield* one.found({}))?.file, file)
    }).pipe(Effect.scoped))

  it.effect("that was set up and does not work is an error, and no other is taken or made in its place", () =>
    Effect.gen(function*() {
      const { directory, found, refused, source } = yield* place
      assert.include(yield* refused({ environment: { MANIFOLD_VAULT_KEY: "" }, vault: { key_file: "key" } }), "MANIFOLD_VAULT_KEY cannot be used: it is empty")
      assert.include(yield* refused({ environment: { MANIFOLD_VAULT_KEY: "AAAA" } }), "it has 3 bytes and not 32")
      assert.include(yield* refused({ vault: { key_file: "none", keyring: true } }), `the file ${directory}/none cannot be used: there is no such file`)
      program(directory, "beside", `echo ${textOf(5)}`)
      assert.strictEqual((yield* found({ vault: { command: ["./bin/beside"] } }))?.source, "hosting.vault.command")
      assert.include(yield* refused({ vault: { command: ["no-such-program"] } }), "there is no program \"no-such-program\"")
      yield* Effect.flip(Effect.flatMap(source({ vault: { key_file: "none" } }), ({ make }) => make))
      assert.isFalse(existsSync(join(directory, "data")))
    }).pipe(Effect.scoped))

  it.effect("that is a file which everybody can read is said to be so, one of its owner is not", () =>
    Effect.gen(function*() {
      const { directory, found } = yield* place
      const said: Array<unknown> = []
      const heard = Logger.layer([Logger.make(({ message }) => void said.push(message))])
      for (const mode of [0o600, 0o640, 0o644]) {
        chmodSync(join(directory, "key"), mode)
        yield* Effect.provide(found({ vault: { key_file: "key" } }), heard)
      }
      assert.strictEqual(said.length, 1)
      assert.include(String(said[0]), `The vault's key in ${directory}/key can be read by everybody`)
      assert.notInclude(String(said[0]), textOf(2))
    }).pipe(Effect.scoped))

  it.effect("that is a command never has its output in a message, be it wrong, too long, or a failure's", () =>
    Effect.gen(function*() {
      const { directory, refused } = yield* place
      const saying = (script: string) => refused({ vault: { command: ["kms"] }, environment: program(directory, "kms", script) })
      const said = [
        yield* saying("echo hunter2"),
        yield* saying("echo hunter2; echo hunter2 >&2; exit 3"),
        yield* saying("while :; do echo hunter2hunter2; done")
      ]
      assert.match(said[0] ?? "", /it is not base64|it has \d+ bytes/u)
      assert.include(said[1], "\"kms\" ended with 3")
      assert.include(said[2], "\"kms\" printed more than a key")
      assert.notInclude(said.join(), "hunter2")
    }).pipe(Effect.scoped))

  it.effect("is the keyring by its own program, and where that or the key is missing it is said how to put one there", () =>
    Effect.gen(function*() {
      const { directory, found, refused } = yield* place
      const vault = { keyring: true }
      assert.match(yield* refused({ vault, environment: { PATH: "/nowhere" } }), /there is no program "secret-tool".*secret-tool store/u)
      assert.match(yield* refused({ vault, environment: program(directory, "secret-tool", "exit 1") }), /"secret-tool" ended with 1.*secret-tool store/u)
      const environment = program(directory, "secret-tool", `test "$*" = "lookup service manifold account vault-key" && echo ${textOf(4)}`)
      assert.strictEqual((yield* found({ vault, environment }))?.source, "the keyring")
    }).pipe(Effect.scoped))
})
