import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { nameAll, type Offer, type Prefix, shortened } from "../../src/catalogue/Naming.ts"
import { definitionsNamed } from "../kit/definitions.ts"

const rules = { separator: "__", longest: 64 }

describe("public names", () => {
  it("are unlike each other, within the limit and the grammar, for any ids, names and prefix rules", () => {
    fc.assert(fc.property(offers, fc.integer({ min: 16, max: 80 }), (offers, longest) => {
      const { excluded, named } = nameAll(offers, { ...rules, longest })
      const names = named.map(({ name }) => name)
      assert.strictEqual(new Set(names).size, names.length)
      for (const name of names) assert.match(name, /^[A-Za-z0-9_.-]+$/u)
      for (const name of names) assert.isAtMost(name.length, longest)
      assert.strictEqual(named.length + excluded.length, offers.flatMap(({ definitions }) => definitions).length, "none is lost without a word")
    }), { numRuns: 500 })
  })

  it("are the same whenever they are made from the same lists", () => {
    fc.assert(fc.property(offers, (offers) => {
      assert.deepStrictEqual(nameAll(offers, rules), nameAll(structuredClone(offers), rules))
    }))
  })

  it("of one server do not change when another server with another prefix comes or goes", () => {
    const a = offer("a", "always", ["x", "y"])
    const b = offer("b", "always", ["x", "z"])
    const ofA = (offers: ReadonlyArray<Offer>) => nameAll(offers, rules).named.filter(({ server }) => server === "a").map(({ name }) => name)
    assert.deepStrictEqual(ofA([a]), ofA([b, a]))
  })

  it("carry the prefix always, only where two servers have the name, or never", () => {
    const named = (mode: Prefix["mode"]) => namesOf([offer("a", mode, ["same", "own"]), offer("b", mode, ["same"])])
    assert.deepStrictEqual(named("always"), ["a__same", "a__own", "b__same"])
    assert.deepStrictEqual(named("on_conflict"), ["a__same", "own", "b__same"])
    assert.deepStrictEqual(named("never"), ["same", "own"])
  })

  it("that meet belong to the first in the manifest, and the other is named with the reason", () => {
    const { excluded, named } = nameAll([offer("a", "always", ["b__c"]), offer("a__b", "always", ["c", "d"])], rules)
    assert.deepStrictEqual(named.map(({ name, server }) => [name, server]), [["a__b__c", "a"], ["a__b__d", "a__b"]])
    assert.deepStrictEqual(excluded.map(({ name, server, why }) => [server, name, why]), [
      ["a__b", "c", `its public name "a__b__c" is taken by server "a"`]
    ])
  })

  it("that a server lists twice are listed once", () => {
    assert.deepStrictEqual(namesOf([offer("a", "always", ["x", "x"])]), ["a__x"])
  })
})

describe("a name that is too long", () => {
  it("is cut to exactly the limit, and differs from others that begin alike", () => {
    const [one, other] = [shortened("x".repeat(100), 64), shortened(`${"x".repeat(99)}y`, 64)]
    assert.strictEqual(one.length, 64)
    assert.strictEqual(other.length, 64)
    assert.notStrictEqual(one, other)
    assert.strictEqual(one, `${"x".repeat(55)}_${one.slice(56)}`)
  })

  it("at the limit stays whole", () => {
    assert.strictEqual(shortened("x".repeat(64), 64), "x".repeat(64))
  })
})

const id = fc.string({ unit: fc.constantFrom("a", "b", "_", "-"), minLength: 1, maxLength: 30 })
const modes = fc.constantFrom("always", "on_conflict", "never")
const offers = fc.uniqueArray(
  fc.tuple(id, modes, fc.array(id, { maxLength: 6 })).map(([server, mode, names]) => offer(server, mode, names)),
  { selector: ({ server }) => server, maxLength: 6 }
)

const offer = (server: string, mode: Prefix["mode"], names: ReadonlyArray<string>): Offer => ({
  server,
  prefix: { mode, text: server },
  definitions: definitionsNamed("tools", names)
})

const namesOf = (offers: ReadonlyArray<Offer>) => nameAll(offers, rules).named.map(({ name }) => name)
