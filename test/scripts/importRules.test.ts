import { assert, describe, it } from "@effect/vitest"
import { mistakesIn } from "../../scripts/importRules.ts"

describe("importRules", () => {
  it("accepts an edge that goes down and refuses the same edge going up", () => {
    assert.deepEqual(mistakesIn([file("src/router/Router.ts", "../catalogue/Catalogue.ts")]), [])
    assert.deepEqual(mistakesIn([file("src/catalogue/Catalogue.ts", "../router/Router.ts")]), [
      "src/catalogue/Catalogue.ts -> src/router/Router.ts: catalogue stands below router"
    ])
  })

  it("refuses a front that imports another, though oauth stands lower", () => {
    assert.match(String(mistakesIn([file("src/mcp/http.ts", "../oauth/Metadata.ts")])), /fronts never import each other/u)
  })

  it("refuses a cycle of files and a cycle of folders", () => {
    assert.match(String(mistakesIn([file("src/lib/A.ts", "./B.ts"), file("src/lib/B.ts", "./A.ts")])), /cycle: src\/lib\/A/u)
    assert.match(
      String(mistakesIn([file("src/manifest/A.ts", "../store/B.ts"), file("src/store/C.ts", "../manifest/D.ts")])),
      /cycle: manifest -> store/u
    )
  })

  it("keeps node built-ins in the files made for them", () => {
    assert.deepEqual(mistakesIn([file("src/manifest/Watcher.node.ts", "node:fs"), file("src/store/Sql.ts", "node:sqlite")]), [])
    assert.match(String(mistakesIn([file("src/manifest/Source.ts", "node:fs")])), /belongs in a \*\.node\.ts/u)
    assert.match(String(mistakesIn([{ path: "src/router/A.ts", text: "await import(\"fs\")" }])), /belongs in/u)
  })

  it("lets a plugin see the contract and its packages, and nothing else of src", () => {
    assert.deepEqual(
      mistakesIn([
        file("plugins/loaders/npm.ts", "#plugin"),
        file("plugins/loaders/git.ts", "node:path"),
        file("src/main.ts", "../plugins/node.ts")
      ]),
      []
    )
    assert.match(String(mistakesIn([file("plugins/loaders/npm.ts", "../../src/lib/Slot.ts")])), /a plugin imports #plugin/u)
    assert.match(String(mistakesIn([file("src/host/Registry.ts", "../../plugins/node.ts")])), /only main\.ts and worker\.ts/u)
  })

  it("sees imports over several lines and re-exports, not those in comments", () => {
    const text = "// import { a } from \"../router/A.ts\"\nimport type {\n  B\n} from \"../mcp/B.ts\"\nexport * from \"../admin/C.ts\""
    assert.strictEqual(mistakesIn([{ path: "src/guard/Rules.ts", text }]).length, 2)
  })

  it("refuses a protocol date outside the revisions and the backends", () => {
    const dated = (path: string) => mistakesIn([{ path, text: "const newest = \"2026-07-28\"" }])
    assert.deepEqual(dated("src/mcp/revision/Modern.ts"), [])
    assert.match(String(dated("src/router/Router.ts")), /protocol dates/u)
  })
})

const file = (path: string, specifier: string) => ({ path, text: `import { x } from "${specifier}"` })
