import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { vi } from "vitest"
import { type LogFormat, logs } from "../../src/observe/Logs.node.ts"
import { Redactor } from "../../src/observe/Redaction.ts"

const hostile = "a\u001b[2Jb\u009bc\u202ed\n12:00:00.000 INFO  admin: all is well"

describe("a log line with foreign text", () => {
  it.effect("is text that no terminal obeys, and its further lines stand apart from entries", () =>
    Effect.gen(function*() {
      const written = yield* writtenBy("text", Effect.logInfo(hostile))
      assert.match(written, /^\S+ INFO {2}a\[2Jbcd\n {4}12:00:00\.000 INFO {2}admin: all is well\n$/u)
    }))

  it.effect("is one line of JSON that says all of it in escapes", () =>
    Effect.gen(function*() {
      const written = yield* writtenBy("json", Effect.logInfo(hostile))
      assert.match(written, /^[\x20-\x7e]+\n$/u)
      assert.strictEqual((JSON.parse(written) as { readonly message: string }).message, hostile)
    }))

  it.effect("does not hide a known secret between the characters that are taken out", () =>
    Effect.gen(function*() {
      assert.include(yield* writtenBy("text", Effect.logInfo("x sec\u200bret-value y")), "x [redacted] y")
    }))
})

const writtenBy = (format: LogFormat, log: Effect.Effect<void>) =>
  Effect.gen(function*() {
    const redactor = new Redactor()
    redactor.know(["secret-value"])
    const write = vi.spyOn(process.stderr, "write").mockImplementation(() => true)
    yield* Effect.provide(log, logs(redactor, format))
    const lines = write.mock.calls.map(([line]) => String(line))
    write.mockRestore()
    return lines.join("")
  })
