import { assert, describe, it } from "@effect/vitest"
import { conditionsOf } from "../../src/guard/Arguments.ts"
import type { RuleEntry } from "../../src/manifest/AccessRules.ts"

/** Whether a rule with these conditions applies when it allows, and when it denies. */
const applied = (asked: NonNullable<RuleEntry["arguments"]>, text: string | undefined) => {
  const conditions = conditionsOf({ arguments: asked })
  assert(conditions !== undefined)
  return `${conditions("allow", text) ? "allows" : "-"} ${conditions("deny", text) ? "denies" : "-"}`
}

const BOTH = "allows denies"
const NEITHER = "- -"
/** What cannot be told opens nothing and gets past no denial. */
const DOUBT = "- denies"

describe("a condition on arguments", () => {
  it("holds for a text that fits its pattern, and not for another one or for none", () => {
    assert.strictEqual(applied({ path: "/tmp/**" }, `{"path":"/tmp/a/b"}`), BOTH)
    assert.strictEqual(applied({ path: "/tmp/**" }, `{"path":"/etc/a"}`), NEITHER)
    assert.strictEqual(applied({ path: "/tmp/**" }, "{}"), NEITHER)
    assert.strictEqual(applied({ path: "/tmp/**" }, undefined), NEITHER)
  })

  it("is in doubt about a path with detours, a key twice or in another case, and a value of another kind", () => {
    for (const text of [
      `{"path":"/tmp/../etc/x"}`,
      `{"path":"/etc/x","path":"/tmp/x"}`,
      `{"Path":"/tmp/x"}`,
      `{"path":"/tmp/x","PATH":"/etc/x"}`,
      `{"path":5}`,
      `{"path":null}`,
      `{"path":{"x":1}}`,
      `{"p\\u0061th":"/tmp/x","path":"/tmp/y"}`,
      `{"path":"${"/tmp/".padEnd(9000, "x")}"}`
    ]) assert.strictEqual(applied({ path: "/tmp/**" }, text), DOUBT, text.slice(0, 60))
  })

  it("wants all of a list that is allowed, and is content with one of what is denied", () => {
    assert.strictEqual(applied({ path: "/tmp/**" }, `{"path":["/tmp/a","/tmp/b"]}`), BOTH)
    assert.strictEqual(applied({ path: "/tmp/**" }, `{"path":["/tmp/a","/etc/b"]}`), DOUBT)
    assert.strictEqual(applied({ path: "/tmp/**" }, `{"path":[]}`), DOUBT)
    assert.strictEqual(applied({ "edits.path": "/tmp/**" }, `{"edits":[{"path":"/tmp/a"},{"path":"/tmp/b"}]}`), BOTH)
    assert.strictEqual(applied({ "edits.path": "/tmp/**" }, `{"edits":[{"path":"/tmp/a"},{}]}`), DOUBT)
  })

  it("compares numbers, flags and choices by value, and does not take a text for a number", () => {
    assert.strictEqual(applied({ force: true }, `{"force":true}`), BOTH)
    assert.strictEqual(applied({ force: true }, `{"force":false}`), NEITHER)
    assert.strictEqual(applied({ force: true }, `{"force":"true"}`), DOUBT)
    assert.strictEqual(applied({ amount: { at_least: 10, at_most: 20 } }, `{"amount":15}`), BOTH)
    assert.strictEqual(applied({ amount: { at_least: 10, at_most: 20 } }, `{"amount":21}`), NEITHER)
    assert.strictEqual(applied({ amount: { at_most: 20 } }, `{"amount":"5"}`), DOUBT)
    assert.strictEqual(applied({ amount: { at_most: 20 } }, `{"amount":1e999}`), DOUBT)
    assert.strictEqual(applied({ mode: { one_of: ["a", "b"] } }, `{"mode":"b"}`), BOTH)
    assert.strictEqual(applied({ mode: { one_of: ["a", "b"] } }, `{"mode":"c"}`), NEITHER)
  })

  it("can ask whether an argument is there at all", () => {
    assert.strictEqual(applied({ all: { exists: true } }, `{"all":null}`), BOTH)
    assert.strictEqual(applied({ all: { exists: true } }, `{"all":[]}`), BOTH)
    assert.strictEqual(applied({ all: { exists: true } }, "{}"), NEITHER)
    assert.strictEqual(applied({ all: { exists: false } }, "{}"), BOTH)
    assert.strictEqual(applied({ all: { exists: false } }, `{"all":1}`), NEITHER)
    assert.strictEqual(applied({ all: { exists: false } }, `{"All":1}`), DOUBT)
  })
})
