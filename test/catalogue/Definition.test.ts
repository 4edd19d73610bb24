import { assert, describe, it } from "@effect/vitest"
import { definitionOf, type Kind } from "../../src/catalogue/Definition.ts"

const tool = (more: object = {}) => JSON.stringify({ name: "find", inputSchema: { type: "object" }, ...more })

describe("a definition", () => {
  it("enters as the backend wrote it, numbers and unknown fields included, on one line", () => {
    const written = `{ "x-new": 9007199254740993,\r\n "name": "find",\n "inputSchema": {"maximum":1e400} }`
    const found = definitionOf("tools", written, "refuse")
    if ("why" in found) return assert.fail(found.why)
    assert.strictEqual(found.text, written.replaceAll(/[\r\n]/gu, " "))
    assert.strictEqual(found.text.slice(found.place.start, found.place.end), "\"find\"")
  })

  it.each([
    ["tools", "name", "a.b_c-D1"],
    ["prompts", "name", "x".repeat(128)],
    ["resources", "uri", "file:///ä?x=1"],
    ["templates", "uriTemplate", "file:///{path}"]
  ] as const)("of %s is known by its %s", (kind, key, name) => {
    assert.strictEqual(nameOf(kind, JSON.stringify({ [key]: name })), name)
  })

  it.each([
    ["tools", `{"name":"a b"}`],
    ["tools", `{"name":""}`],
    ["tools", `{"name":"${"x".repeat(129)}"}`],
    ["tools", `{"name":"a\\u0000"}`],
    ["tools", `{"name":"a\\n"}`],
    ["tools", `{"name":"ä"}`],
    ["tools", `{"name":5}`],
    ["tools", `{"title":"x"}`],
    ["tools", `5`],
    ["tools", `[]`],
    ["tools", `{"name":"a",nonsense}`],
    ["resources", `{"uri":"a b"}`],
    ["resources", `{"uri":"a\\u001bb"}`],
    ["resources", `{"name":"a"}`]
  ] as const)("of %s stays out when it is %s, and says why", (kind, text) => {
    assert.isString(whyOut(kind, text))
  })

  it("stays out when its name is there twice, since clients would read the one that was not rewritten", () => {
    assert.include(whyOut("tools", `{"name":"mine","name":"other__read"}`), "twice")
    assert.include(whyOut("tools", `{"name":"mine","n\\u0061me":"other__read"}`), "twice")
    assert.include(whyOut("tools", `{"name":"a","inputSchema":{},"inputSchema":{"type":"object"}}`), "twice")
  })

  it("stays out with a schema that is too deep or too large, by its name, without a stack overflow", () => {
    const deep = `{"name":"find","inputSchema":${"{\"not\":".repeat(6000)}true${"}".repeat(6000)}}`
    assert.deepInclude(definitionOf("tools", deep, "refuse"), { name: "find", why: "goes beyond the limit on depth" })
    assert.include(whyOut("tools", `{"name":"find","inputSchema":${"[".repeat(1_000_000)}`), "larger")
    assert.include(whyOut("tools", tool({ description: "x".repeat(600 * 1024) })), "larger")
    assert.include(whyOut("tools", tool({ x: Array.from({ length: 30_000 }, () => 1) })), "elements")
    assert.include(whyOut("tools", tool({ inputSchema: { anyOf: Array.from({ length: 513 }, () => ({})) } })), "alternatives")
  })

  it("stays out when its schema points to another document, not when it points into itself", () => {
    for (const $ref of ["https://evil.example/s.json", "other.json#/x", "file:///etc/passwd"]) {
      assert.include(whyOut("tools", tool({ inputSchema: { properties: { a: { items: { $ref } } } } })), "$ref")
    }
    assert.strictEqual(nameOf("tools", tool({ inputSchema: { properties: { a: { $ref: "#/$defs/b" }, $ref: { type: "string" } } } })), "find")
  })
})

describe("hidden text in a definition", () => {
  const hidden: ReadonlyArray<readonly [string, string]> = [
    ["a zero-width space", "a\u200bb"],
    ["a zero-width joiner in a word", "a\u200db"],
    ["a joiner that begins a text", "\u200d"],
    ["a bidi override", "a\u202eb"],
    ["a bidi isolate", "a\u2066b"],
    ["an Arabic letter mark", "a\u061cb"],
    ["tag characters", "a\u{e0041}\u{e007f}"],
    ["supplementary variation selectors", "a\u{e0100}\u{e01ef}"],
    ["a byte order mark", "\ufeffa"],
    ["a terminal escape", "a\u001b[31mb"],
    ["a one-byte terminal escape", "a\u009b31mb"],
    ["a backspace", "safe\b\b\b\bevil"],
    ["an invisible operator", "a\u2063b"]
  ]

  it.each(hidden)("keeps it out: %s", (_, text) => {
    for (const place of [{ description: text }, { title: text }, { inputSchema: { properties: { [text]: {} } } }, { annotations: { a: [text] } }]) {
      assert.include(whyOut("tools", tool(place)), "hidden text")
      assert.strictEqual(definitionOf("tools", tool(place), "allow").name, "find")
    }
  })

  it.each([
    ["line breaks and tabs", "one\ntwo\r\n\tthree"],
    ["a family of emoji", "👨‍👩‍👧‍👦"],
    ["an emoji with a skin tone and a joiner", "👩🏽‍🚀"],
    ["a heart on fire, with a variation selector", "❤️‍🔥"],
    ["a rainbow flag", "🏳️‍🌈"],
    ["other scripts", "日本語 العربية हिन्दी Ελληνικά"]
  ])("is not seen in %s", (_, text) => {
    assert.strictEqual(nameOf("tools", tool({ description: text })), "find")
  })
})

const whyOut = (kind: Kind, text: string): string => {
  const found = definitionOf(kind, text, "refuse")
  return "why" in found ? found.why : assert.fail(`${text.slice(0, 80)} entered`)
}

const nameOf = (kind: Kind, text: string): string => {
  const found = definitionOf(kind, text, "refuse")
  return "why" in found ? assert.fail(found.why) : found.name
}
