import { assert, describe, it } from "@effect/vitest"
import { seenBy } from "../../src/catalogue/Seen.ts"
import type { Part } from "../../src/catalogue/Snapshot.ts"
import { accessOf } from "../../src/guard/Access.ts"
import type { RuleEntry } from "../../src/manifest/AccessRules.ts"
import type { Principal } from "../../src/plugin/Auth.ts"
import { definitionsNamed, partWith } from "../kit/definitions.ts"

const rules = { separator: "__", longest: 64 }
const ada: Principal = { issuer: "i", subject: "ada" }
const bob: Principal = { issuer: "i", subject: "bob" }

const parts: ReadonlyArray<Part> = [
  {
    ...partWith("files", { tools: ["read", "write"], prompts: ["ask"], resources: ["file:///same", "file:///a"], templates: ["file:///{path}"] }),
    prefix: { mode: "on_conflict", text: "files" },
    instructions: "files: read and write"
  },
  {
    ...partWith("notes", { tools: ["read"], resources: ["file:///same"] }),
    prefix: { mode: "on_conflict", text: "notes" },
    instructions: "notes: read"
  }
]
const known = ["files", "notes", "silent"]

const seeing = (more: Omit<RuleEntry, "effect" | "roles">, ...others: ReadonlyArray<RuleEntry>) => {
  const access = accessOf({
    access: {
      roles: [{ name: "ada", when: [{ subject: "ada" }] }],
      rules: [{ effect: "allow", roles: ["ada"], ...more }, ...others]
    },
    servers: known.map((id) => ({ id }))
  })
  assert(access !== undefined)
  return { access, parts, rules, known }
}

describe("the catalogue as a principal sees it", () => {
  it("has the names that it would have if what is hidden were not there", () => {
    const at = seenBy()(seeing({ servers: ["notes"] }))
    const seen = at(undefined, ada)
    assert.deepStrictEqual([...seen?.tools.keys() ?? []], ["read"])
    assert.deepStrictEqual([...seen?.resources.keys() ?? []], ["file:///same"])
    assert.strictEqual(seen?.instructions, "# notes\nnotes: read")
    assert.strictEqual(seen?.ownerOfUri("file:///a")?.server, "notes", "as any URI of a scheme that one server has")
  })

  it("is nothing at all for somebody without a role, and no server has an endpoint then", () => {
    const at = seenBy()(seeing({ servers: ["*"] }))
    assert.deepStrictEqual([...at(undefined, bob)?.tools.keys() ?? []], [])
    assert.isUndefined(at(undefined, bob)?.instructions)
    assert.deepStrictEqual(["files", "silent", "none"].map((server) => at(server, bob)), [undefined, undefined, undefined])
    assert.deepStrictEqual([...at("files", ada)?.tools.keys() ?? []], ["read", "write"])
    assert.isUndefined(at("none", ada))
  })

  it("hides single things of a server, and routes a URI by a template that it does not list", () => {
    const seen = seenBy()(seeing({ servers: ["files"], tools: ["read"], resources: ["file:///a"] }))(undefined, ada)
    assert.deepStrictEqual([...seen?.tools.keys() ?? []], ["read"])
    assert.deepStrictEqual([...seen?.resources.keys() ?? []], ["file:///a"])
    assert.deepStrictEqual(seen?.lists.templates.pages.map(String), [""])
    assert.deepInclude(seen?.ownerOfUri("file:///b"), { server: "files", name: "file:///b" })
    assert.strictEqual(seenBy()(seeing({ servers: ["files"], tools: ["none"] }))(undefined, ada)?.instructions, undefined)
  })

  it("does not call the tools of a hidden server by the names that its pages know", () => {
    const page = definitionsNamed("tools", ["shown"]).map((tool) => ({ ...tool, pages: [{ uri: "ui://x", place: tool.place }] }))
    const app: Part = { ...partWith("notes", {}), listing: { excluded: [], definitions: { tools: page, prompts: [], resources: [], templates: [] } } }
    const at = (servers: [string]) => seenBy()({ ...seeing({ servers }), parts: [app] })(undefined, ada)
    assert.strictEqual(at(["notes"])?.toolOf("shown")?.server, "notes")
    assert.isUndefined(at(["files"])?.toolOf("shown"))
  })

  it("is made once for all who see the same, and again only when something is other", () => {
    const seen = seenBy()
    const given = seeing({ servers: ["*"] })
    const at = seen(given)
    assert.strictEqual(at(undefined, ada), at(undefined, { ...ada }))
    assert.strictEqual(seen({ ...given, parts: parts.map((part) => ({ ...part })) }), at)
    assert.notStrictEqual(seen({ ...given, parts: parts.slice(1) }), at)
    assert.notStrictEqual(seen(seeing({ servers: ["*"] })), at)
  })
})
