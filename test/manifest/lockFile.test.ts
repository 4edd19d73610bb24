import { assert, describe, it } from "@effect/vitest"
import { Option, Schema } from "effect"
import * as fc from "fast-check"
import { answerIn, entryFor, LockFile, lockText, type Question } from "../../src/manifest/LockFile.ts"

const question: Question = { type: "npm", source: { package: "left-pad", version: "^1.0.0" } }
const resolved = { source: "npm left-pad@1.3.0", digest: "npm:left-pad@1.3.0", pin: { version: "1.3.0", integrity: "sha512-x" } }

const json = fc.jsonValue({ maxDepth: 2 })
const sources = fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), json, { maxKeys: 5 })
const decode = Schema.decodeUnknownOption(Schema.fromJsonString(LockFile))

const shuffled = (value: Readonly<Record<string, unknown>>) => Object.fromEntries(Object.entries(value).reverse())

describe("the lock file", () => {
  it("answers the question that it was written for, whatever the order of its keys, and no other", () => {
    fc.assert(fc.property(sources, sources, (one, other) => {
      const entry = entryFor({ type: "npm", source: one }, resolved)
      assert.deepStrictEqual(answerIn(entry, { type: "npm", source: shuffled(one) }), resolved)
      assert.isUndefined(answerIn(entry, { type: "git", source: one }))
      const isSame = lockText({ version: 1, sources: { a: entry } }) === lockText({ version: 1, sources: { a: entryFor({ type: "npm", source: other }, resolved) } })
      assert.strictEqual(answerIn(entry, { type: "npm", source: other }) !== undefined, isSame)
    }))
  })

  it("is the same text for the same contents, and reads as it was written", () => {
    fc.assert(fc.property(sources, (source) => {
      const lock: LockFile = { version: 1, sources: { b: entryFor(question, resolved), a: entryFor({ type: "git", source }, resolved) } }
      const text = lockText(lock)
      const read = decode(text)
      assert.isTrue(Option.isSome(read))
      if (Option.isSome(read)) assert.strictEqual(lockText(read.value), text)
      assert.isBelow(text.indexOf("\"a\": {"), text.indexOf("\"b\": {"))
      assert.isTrue(text.endsWith("}\n"))
    }))
  })

  it("has no secret of the manifest in it, and another secret asks the same", () => {
    const withToken = (token: string): Question => ({ type: "git", source: { url: "https://git.example.com/x", token, ssh_key: token } })
    const entry = entryFor(withToken("hunter2"), resolved)
    assert.notInclude(lockText({ version: 1, sources: { a: entry } }), "hunter2")
    assert.isDefined(answerIn(entry, withToken("hunter3")))
  })

  it("changes by a line where one value of it does", () => {
    const before = lockText({ version: 1, sources: { a: entryFor(question, resolved) } }).split("\n")
    const after = lockText({ version: 1, sources: { a: entryFor(question, { ...resolved, pin: { ...resolved.pin, integrity: "sha512-y" } }) } }).split("\n")
    assert.strictEqual(after.filter((line, index) => line !== before[index]).length, 1)
  })
})
