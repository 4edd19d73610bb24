import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { definitionOf } from "../../src/catalogue/Definition.ts"
import { type Part, type Snapshot, snapshot } from "../../src/catalogue/Snapshot.ts"
import { partWith } from "../kit/definitions.ts"

const rules = { separator: "__", longest: 64 }
const of = (...parts: ReadonlyArray<Part>) => snapshot(parts, rules)
const listedIn = (pages: ReadonlyArray<Buffer>): ReadonlyArray<Record<string, unknown>> =>
  pages.flatMap((page) => JSON.parse(`[${page.toString("utf8")}]`))

describe("a snapshot", () => {
  it("lists exactly what it routes, each under its public name", () => {
    fc.assert(fc.property(fc.array(fc.array(name, { maxLength: 5 }), { maxLength: 4 }), (lists) => {
      const made = of(...lists.map((tools, index) => partWith(`s${index}`, { tools })))
      assert.deepStrictEqual(listedIn(made.lists.tools.pages).map(({ name }) => name), [...made.tools.keys()])
      for (const [name, { name: own, server }] of made.tools) assert.strictEqual(name, `${server}__${own}`)
    }))
  })

  it("changes the name in a definition and nothing else of its text", () => {
    const made = of(partWith("s", { tools: ["a"] }))
    assert.strictEqual(made.lists.tools.pages.join(""), `{"name":"s__a","title":"the a"}`)
  })

  it("has the same digest for the same list, and another one for another", () => {
    const digestOf = (...tools: ReadonlyArray<string>) => of(partWith("s", { tools })).lists.tools.digest
    assert.strictEqual(digestOf("a", "b"), digestOf("a", "b"))
    assert.strictEqual(new Set([digestOf(), digestOf("a"), digestOf("a", "b"), digestOf("b", "a")]).size, 4)
  })

  it("cuts long lists into pages of 1,000 and keeps an empty one", () => {
    const tools = Array.from({ length: 2001 }, (_, index) => `t${index}`)
    const { pages } = of(partWith("s", { tools })).lists.tools
    assert.deepStrictEqual(pages.map((page) => listedIn([page]).length), [1000, 1000, 1])
    assert.deepStrictEqual(of().lists.tools.pages.map(String), [""])
  })

  it("names what a server says of itself under the server's id, and leaves silent ones out", () => {
    const { instructions } = of(partWith("a", {}), { ...partWith("b", {}), instructions: "Use me" }, { ...partWith("c", {}), instructions: "x".repeat(9000) })
    assert.strictEqual(instructions, `# b\nUse me\n\n# c\n${"x".repeat(8000)}`)
    assert.isUndefined(of(partWith("a", {})).instructions)
  })
})

describe("the owner of a URI", () => {
  const made = of(
    partWith("a", { resources: ["file:///same", "memo://a/1"], templates: ["file:///{path}", "db://a/{row}"] }),
    partWith("b", { resources: ["file:///same", "note://1"], templates: ["file:///{path}"] })
  )

  it("is the server that lists it, under the URI of that server", () => {
    assert.deepInclude(made.ownerOfUri("file:///same"), { server: "a", name: "file:///same" })
    assert.deepInclude(made.ownerOfUri("b+file:///same"), { server: "b", name: "file:///same" })
  })

  it("is the server with the template it may come from, and that server is asked for its own URI", () => {
    assert.deepInclude(made.ownerOfUri("file:///x/y"), { server: "a", name: "file:///x/y" })
    assert.deepInclude(made.ownerOfUri("b+file:///x/y"), { server: "b", name: "file:///x/y" })
    assert.deepInclude(made.ownerOfUri("db://a/5"), { server: "a", name: "db://a/5" })
  })

  it("is the server whose template says most, and one that takes anything only what is nobody else's", () => {
    const greedy = of(
      partWith("greedy", { templates: ["{+uri}", "file:///{+path}"] }),
      partWith("honest", { resources: ["memo://1"], templates: ["file:///notes/{name}"] })
    )
    const owners = ["file:///notes/a", "file:///x", "memo://2", "other://x"].map((uri) => greedy.ownerOfUri(uri)?.server)
    assert.deepStrictEqual(owners, ["honest", "greedy", "honest", "greedy"])
  })

  it("is the only server with that scheme, and nobody where two have it or none", () => {
    assert.deepInclude(made.ownerOfUri("note://unlisted"), { server: "b", name: "note://unlisted" })
    for (const uri of ["http://elsewhere", "no scheme", "", "db://b/1/../../a"]) {
      assert.notStrictEqual(made.ownerOfUri(uri)?.server, "b", uri)
    }
    const both = of(partWith("a", { resources: ["memo://1"] }), partWith("b", { resources: ["memo://2"] }))
    assert.isUndefined(both.ownerOfUri("memo://3"))
  })

  it("that a server lists twice is listed once, and said", () => {
    const twice = of(partWith("a", { resources: ["x:1", "x:1"] }), partWith("b", { resources: ["x:1", "x:1"] }))
    assert.deepStrictEqual([...twice.resources.keys()], ["x:1", "b+x:1"])
    assert.deepStrictEqual(twice.excluded.map(({ kind, name, server }) => [server, kind, name]), [["a", "resources", "x:1"], ["b", "resources", "x:1"]])
  })
})

describe("the page of a tool (MCP Apps)", () => {
  const tool = (name: string, meta: string) => `{"_meta":${meta}, "name" : "${name}","inputSchema":{"type":"object","maximum":12345678901234567890}}`
  const shows = (uri: string) => `{"ui":{"visibility":["app"],"resourceUri":"${uri}","x":1e400},"ui/resourceUri":"${uri}","openai/outputTemplate":"${uri}","y":"${uri}"}`
  const withTools = (server: string, texts: ReadonlyArray<string>, resources: ReadonlyArray<string>): Part => {
    const part = partWith(server, { resources })
    const tools = texts.map((text) => definitionOf("tools", text, "refuse")).flatMap((found) => "why" in found ? [] : [found])
    return { ...part, listing: { ...part.listing, definitions: { ...part.listing.definitions, tools } } }
  }
  const toolsIn = ({ lists }: Snapshot) => lists.tools.pages.join("")

  it("has the address of its own server's resource where another server has the same one, in every member that names it and nowhere else", () => {
    const page = "ui://clock/page"
    const made = of(withTools("a", [tool("t", shows(page))], [page]), withTools("b", [tool("t", shows(page))], ["x:1", page]))
    const theirs = shows(`b+${page}`).replace(`"y":"b+`, "\"y\":\"")
    assert.strictEqual(toolsIn(made), `${tool("a__t", shows(page))},${tool("b__t", theirs)}`)
    assert.deepInclude(made.ownerOfUri(`b+${page}`), { server: "b", name: page })
  })

  it("stays as it is written where no other server has it, down to the last byte", () => {
    const written = `{ "ui":{"resourceUri":"ui:\\/\\/clock\\u002fpage"},"ui":{"resourceUri":7}}`
    const made = of(withTools("a", [tool("t", written)], []), withTools("b", [], ["ui://other/page"]))
    assert.strictEqual(toolsIn(made), tool("a__t", written))
  })

  it("is read from its server although it is not listed, also where two servers do not list the same one", () => {
    const page = "ui://clock/page"
    const made = of(withTools("a", [tool("t", shows(page))], []), withTools("b", [tool("t", shows(page)), tool("u", shows(page))], ["ui://b/listed"]))
    assert.deepInclude(made.ownerOfUri(page), { server: "a", name: page })
    assert.deepInclude(made.ownerOfUri(`b+${page}`), { server: "b", name: page })
    assert.deepStrictEqual(listedIn(made.lists.resources.pages).map(({ uri }) => uri), ["ui://b/listed"])
    assert.deepStrictEqual(made.excluded, [])
  })

  it("is never that of a server which lists the address that another one's would get", () => {
    const page = "ui://b/page"
    const made = of(partWith("a", { resources: [page, `b+${page}`] }), withTools("b", [tool("t", shows(page))], [page]))
    assert.deepInclude(made.ownerOfUri(`b+b+${page}`), { server: "b", name: page })
    assert.include(toolsIn(made), `"resourceUri":"b+b+${page}"`)
  })

  it("is no way to take an address that is not a page", () => {
    const made = of(withTools("a", [tool("t", `{"ui":{"resourceUri":"file:///b"}}`)], []), partWith("b", { resources: ["file:///b"] }))
    assert.deepInclude(made.ownerOfUri("file:///b"), { server: "b" })
  })
})

const name = fc.string({ unit: fc.constantFrom("a", "b", "_", ".", "-"), minLength: 1, maxLength: 12 })

describe("a tool that a page calls by its server's own name", () => {
  const page = `"_meta":{"ui":{"resourceUri":"ui://a/page"}}`
  const part = (server: string, ...texts: ReadonlyArray<string>): Part => ({
    server,
    prefix: { mode: "always", text: server },
    capabilities: {},
    instructions: undefined,
    listing: {
      excluded: [],
      definitions: {
        tools: texts.map((text) => definitionOf("tools", text, "refuse")).flatMap((found) => "why" in found ? [] : [found]),
        prompts: [],
        resources: [],
        templates: []
      }
    }
  })
  const rules = { separator: "__", longest: 64 }

  it("is found where its server has pages, and by its public name wherever it is", () => {
    const { toolOf } = snapshot([part("a", `{"name":"show",${page}}`, `{"name":"tick"}`), part("b", `{"name":"other"}`)], rules)
    assert.strictEqual(toolOf("tick")?.server, "a")
    assert.strictEqual(toolOf("a__tick")?.server, "a")
    assert.isUndefined(toolOf("other"))
    assert.strictEqual(toolOf("b__other")?.server, "b")
  })

  it("leads nowhere when two such servers have it", () => {
    const { toolOf } = snapshot([part("a", `{"name":"show",${page}}`), part("b", `{"name":"show",${page}}`)], rules)
    assert.isUndefined(toolOf("show"))
    assert.strictEqual(toolOf("b__show")?.server, "b")
  })
})
