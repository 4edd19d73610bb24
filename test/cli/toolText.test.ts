import { assert, describe, it } from "@effect/vitest"
import type { Tool } from "../../src/cli/Client.ts"
import { sayResult, sayTools, sayUnknown } from "../../src/cli/ToolText.ts"

const tool = (name: string, more: Partial<Tool> = {}): Tool => ({ name, inputSchema: { type: "object" }, ...more })

describe("tools", () => {
  it("are listed with their arguments, the optional ones marked", () => {
    const read = tool("files__read", {
      description: "Reads\na file",
      inputSchema: { type: "object", properties: { path: {}, head: {} }, required: ["path"] }
    })
    assert.strictEqual(sayTools([read, tool("b")], 80), "files__read(path, head?)\n    Reads a file\nb()")
    assert.include(sayTools([], 80), "manifold status")
    const long = sayTools([tool("c", { description: "word ".repeat(100) })], 80).split("\n")
    assert.strictEqual(long.length, 3)
    assert.isTrue(long[2]?.endsWith("word ..."))
    assert.isAtMost(Math.max(...long.map((line) => line.length)), 80)
  })

  it("that do not exist are answered with the nearest names, not with all", () => {
    const tools = [tool("files__read_file"), tool("files__write_file"), tool("memory__read_file")]
    assert.strictEqual(sayUnknown("files__raed_file", tools), "There is no tool \"files__raed_file\". Did you mean files__read_file?")
    assert.strictEqual(sayUnknown("read_file", tools), "There is no tool \"read_file\". Did you mean files__read_file, memory__read_file?")
    assert.include(sayUnknown("zzz", tools), "manifold tools list")
  })
})

describe("the result of a tool", () => {
  it("is its text as it is, and binary content in brackets", () => {
    const said = sayResult({
      content: [
        { type: "text", text: "a\n  b" },
        { type: "image", mimeType: "image/png", data: "A".repeat(16_000) },
        { type: "audio", mimeType: "audio/wav", data: "AAA=" },
        { type: "resource_link", uri: "file:///a.txt", name: "a", mimeType: "text/plain" },
        { type: "resource", resource: { uri: "x://1", text: "inside" } },
        { type: "resource", resource: { uri: "x://2", blob: "A".repeat(4_000_000), mimeType: "application/zip" } }
      ]
    })
    assert.strictEqual(said, [
      "a\n  b",
      "[image/png, 12 kB]",
      "[audio/wav, 2 B]",
      "[a, text/plain] file:///a.txt",
      "[x://1]\ninside",
      "[x://2, application/zip, 3.0 MB]"
    ].join("\n"))
  })

  it("shows structured content as JSON, unless a text block has the same", () => {
    const structuredContent = { a: 1 }
    assert.strictEqual(sayResult({ content: [{ type: "text", text: "{ \"a\": 1 }" }], structuredContent }), "{ \"a\": 1 }")
    assert.strictEqual(sayResult({ content: [{ type: "text", text: "done" }], structuredContent }), "done\n{\n  \"a\": 1\n}")
    assert.strictEqual(sayResult({ content: [], structuredContent }), "{\n  \"a\": 1\n}")
  })
})
