import { assert, describe, it } from "@effect/vitest"
import { snapshot } from "../../src/catalogue/Snapshot.ts"
import { LIST_METHODS, listed } from "../../src/mcp/Lists.ts"
import { partWith } from "../kit/definitions.ts"

describe("a merged list", () => {
  it("is walked through by its cursors, each definition once and in order", () => {
    const snapshot = withTools(2500)
    const names: Array<string> = []
    let cursor: unknown
    let pages = 0
    do {
      const page = pageOf(snapshot, cursor)
      names.push(...page.tools.map(({ name }) => name))
      cursor = page.nextCursor
      pages++
    } while (cursor !== undefined)
    assert.strictEqual(pages, 3)
    assert.deepStrictEqual(names, [...snapshot.tools.keys()])
  })

  it("refuses a cursor of another list or one of nobody's, instead of starting over", () => {
    const snapshot = withTools(1500)
    const { nextCursor } = pageOf(snapshot, undefined)
    assert.isDefined(listed(snapshot, { kind: "tools", era: "modern", cursor: nextCursor }))
    assert.isUndefined(listed(withTools(1501), { kind: "tools", era: "modern", cursor: nextCursor }), "the list has changed")
    assert.isUndefined(listed(snapshot, { kind: "prompts", era: "modern", cursor: nextCursor }))
    const { digest } = snapshot.lists.tools
    const forged = [`-1.${digest}`, `2.${digest}`, `1e9.${digest}`, `.${digest}`, `99999999.${digest}`, "1.", digest]
    for (const cursor of ["", "x", 5, null, {}, ["a"], ...forged.map((text) => Buffer.from(text).toString("base64url"))]) {
      assert.isUndefined(listed(snapshot, { kind: "tools", era: "modern", cursor }), String(cursor))
    }
  })

  it("carries the fields of an era, on every page", () => {
    const text = (listed(withTools(0), { kind: "tools", era: "modern", cursor: undefined, fields: `,"ttlMs":0` }) ?? []).join("")
    assert.strictEqual(text, `{"tools":[],"ttlMs":0}`)
  })

  it("is answered by a method of its own, under the protocol's name for it", () => {
    const empty = withTools(0)
    const members = [...LIST_METHODS].map(([method, kind]) => [method, (listed(empty, { kind, era: "modern", cursor: undefined }) ?? []).join("")])
    assert.deepStrictEqual(members, [
      ["tools/list", `{"tools":[]}`],
      ["prompts/list", `{"prompts":[]}`],
      ["resources/list", `{"resources":[]}`],
      ["resources/templates/list", `{"resourceTemplates":[]}`]
    ])
  })
})

const withTools = (count: number) =>
  snapshot([partWith("s", { tools: Array.from({ length: count }, (_, index) => `t${index}`) })], { separator: "__", longest: 64 })

const pageOf = (made: ReturnType<typeof withTools>, cursor: unknown): { readonly tools: ReadonlyArray<{ readonly name: string }>; readonly nextCursor?: string } =>
  JSON.parse((listed(made, { kind: "tools", era: "modern", cursor }) ?? assert.fail("no page")).join(""))
