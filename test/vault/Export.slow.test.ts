import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as fc from "fast-check"
import { type ExportedRow, exported, imported } from "../../src/vault/Export.node.ts"
import { secret } from "../kit/vault.ts"

const PASSPHRASE = secret("correct horse battery staple")
const rows: ReadonlyArray<ExportedRow> = [
  { table: "secrets", key: "a", value: "hunter2-hunter2" },
  { table: "tokens", key: "[\"s\",\"ü\"]", value: "\u0000 🙂 \n", expires: 17 }
]

const sealed = exported(Redacted.make(rows), PASSPHRASE)
const reasonFor = (file: Uint8Array, passphrase = PASSPHRASE) => Effect.map(Effect.flip(imported(file, passphrase)), ({ message }) => message)

describe("an export", () => {
  it.effect("opens with its passphrase to the rows that went in, and shows none of them", () =>
    Effect.gen(function*() {
      const file = yield* sealed
      assert.deepStrictEqual(Redacted.value(yield* imported(file, PASSPHRASE)), rows)
      assert.isFalse(file.includes("hunter2") || file.includes("tokens"))
      assert.notStrictEqual((yield* sealed).toString("hex"), file.toString("hex"))
      const [head = ""] = file.toString("latin1").split("\n")
      const { nonce, salt, ...rest } = JSON.parse(head)
      assert.deepStrictEqual(rest, { format: "manifold-vault-export", version: 1, kdf: "scrypt", n: 131_072, r: 8, p: 1 })
      assert.deepStrictEqual([nonce, salt].map((text) => Buffer.from(text, "base64").length), [12, 16])
    }))

  it.effect("does not open with another passphrase, and none is written with a short one", () =>
    Effect.gen(function*() {
      assert.include(yield* reasonFor(yield* sealed, secret("correct horse battery stable")), "the passphrase is another one")
      assert.include((yield* Effect.flip(exported(Redacted.make(rows), secret("short")))).message, "shorter than 12")
    }))

  it.effect("does not open when a bit of it was turned anywhere, or its end is missing", () =>
    Effect.gen(function*() {
      const file = yield* sealed
      const changed = fc.tuple(fc.nat(file.length - 1), fc.nat(7)).map(([at, bit]) => file.map((byte, index) => index === at ? byte ^ (1 << bit) : byte))
      const shorter = fc.nat(file.length - 1).map((length) => file.subarray(0, length))
      // A turned bit in the cost asks for other work; what it may ask for at most is bounded by the head's schema.
      yield* Effect.promise(() => fc.assert(fc.asyncProperty(fc.oneof(changed, shorter), (other) => Effect.runPromise(reasonFor(other)).then(() => undefined)), { numRuns: 25 }))
    }))

  const heads = {
    "asks for too much work": { n: 2 ** 30 },
    "asks for more memory than there is": { r: 1024 },
    "is of another format": { format: "age" },
    "has another derivation": { kdf: "none" }
  }
  for (const [what, change] of Object.entries(heads)) {
    it.effect(`whose head ${what} is refused before any work is done`, () =>
      Effect.gen(function*() {
        const file = yield* sealed
        const [head = ""] = file.toString("latin1").split("\n")
        const other = Buffer.concat([Buffer.from(JSON.stringify({ ...JSON.parse(head), ...change })), file.subarray(head.length)])
        assert.include(yield* reasonFor(other), "it is no export of a vault")
      }))
  }

  it.effect("whose head asks for work that scrypt cannot do is refused, not a crash", () =>
    Effect.gen(function*() {
      const other = Buffer.from((yield* sealed).toString("latin1").replace("131072", "121072"), "latin1")
      assert.include(yield* reasonFor(other), "none that scrypt can do")
    }))

  it.effect("of a later version says so; what is none at all says that", () =>
    Effect.gen(function*() {
      const later = Buffer.from((yield* sealed).toString("latin1").replace("\"version\":1", "\"version\":2"), "latin1")
      assert.include(yield* reasonFor(later), "it has version 2")
      for (const text of ["", "\n", "{}\n", "age-encryption.org/v1\n-> scrypt\n"]) assert.include(yield* reasonFor(Buffer.from(text)), "it is no export of a vault")
    }))
})
