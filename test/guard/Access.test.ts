import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { type Access, accessOf, type Sight } from "../../src/guard/Access.ts"
import type { Kind } from "../../src/guard/Rules.ts"
import type { AccessRules, RuleEntry } from "../../src/manifest/AccessRules.ts"
import type { Principal } from "../../src/plugin/Auth.ts"

const SERVERS = ["files", "git-a", "git-b"]
const NAMES = ["read_file", "read_dir", "write_file"]
const KINDS: ReadonlyArray<Kind> = ["tools", "prompts"]
const ARGUMENTS = [undefined, "{}", `{"path":"/tmp/x"}`, `{"path":"/etc/x"}`, `{"path":["/tmp/x","/etc/x"]}`, `{"path":5}`]

const ada: Principal = { issuer: "https://id", subject: "ada", claims: { groups: ["devs"], tenant: "acme" } }
const bob: Principal = { issuer: "https://id", subject: "bob", claims: { groups: ["devs"], tenant: "other" } }

const roles: AccessRules["roles"] = [
  { name: "dev", when: [{ claim: "groups", has: "devs" }] },
  { name: "admin", when: [{ claim: "groups", has: "admins" }] }
]

const withRules = (...rules: ReadonlyArray<RuleEntry>) => made({ roles, rules })

const made = (access: AccessRules, tenants: Readonly<Record<string, readonly [string, ...Array<string>]>> = {}): Access => {
  const found = accessOf({ access, servers: SERVERS.map((id) => ({ id, tenants: tenants[id] })) })
  assert(found !== undefined)
  return found
}

const oneOrMore = <A>(...values: readonly [A, ...Array<A>]) =>
  fc.tuple(fc.constantFrom(...values), fc.array(fc.constantFrom(...values), { maxLength: 1 })).map(([first, more]): [A, ...Array<A>] => [first, ...more])

const named = fc.option(oneOrMore("read_*", "*_file", "write_file", "*"), { nil: undefined })

const ruleWith = (conditions: fc.Arbitrary<RuleEntry["arguments"]>): fc.Arbitrary<RuleEntry> =>
  fc.record({
    effect: fc.constantFrom("allow" as const, "deny" as const),
    roles: oneOrMore("dev", "admin", "*"),
    servers: oneOrMore("files", "git-*", "*"),
    tools: named,
    prompts: named,
    asked: conditions
  }).map(({ asked, prompts, tools, ...rule }) => ({
    ...rule,
    ...(tools === undefined ? {} : { tools }),
    ...(prompts === undefined ? {} : { prompts }),
    ...(asked === undefined || (tools === undefined && prompts === undefined) ? {} : { arguments: asked })
  }))

const plain = fc.array(ruleWith(fc.constant(undefined)), { maxLength: 5 })
const conditional = fc.array(ruleWith(fc.option(fc.constantFrom({ path: "/tmp/**" }, { path: "/etc/**" }), { nil: undefined })), { maxLength: 5 })

const calls = SERVERS.flatMap((server) =>
  KINDS.flatMap((kind) => NAMES.flatMap((name) => ARGUMENTS.map((text) => ({ server, kind, name, arguments: () => text })))))
const allowed = (sight: Sight, call: (typeof calls)[number]) => sight.decide(call).isAllowed

describe("what is listed", () => {
  it("is what may be called, one for one, where rules do not ask for arguments", () => {
    fc.assert(fc.property(plain, (rules) => {
      const sight = withRules(...rules).sightOf(ada)
      for (const call of calls) assert.strictEqual(sight.shows(call.server, call.kind, call.name), allowed(sight, call))
    }))
  })

  it("hides nothing that some arguments would make good, and shows nothing that none would", () => {
    fc.assert(fc.property(conditional, (rules) => {
      const sight = withRules(...rules).sightOf(ada)
      for (const call of calls) {
        const { kind, name, server } = call
        if (allowed(sight, call)) assert.isTrue(sight.shows(server, kind, name))
        if (allowed(sight, call)) assert.isTrue(sight.sees(server))
      }
      // The two conditions exclude each other, so what one denies the other can still allow.
      const free = rules.filter(({ effect }) => effect === "allow")
      const open = withRules(...free).sightOf(ada)
      for (const { kind, name, server } of calls) {
        const some = calls.some((call) => call.server === server && call.kind === kind && call.name === name && allowed(open, call))
        assert.strictEqual(open.shows(server, kind, name), some)
      }
    }))
  })
})

describe("a decision", () => {
  it("is a denial where any rule denies, however many allow", () => {
    fc.assert(fc.property(conditional, fc.constantFrom(...calls), (rules, call) => {
      const more = withRules(...rules, { effect: "deny", roles: ["dev"], servers: ["*"], [call.kind]: [call.name] })
      assert.isFalse(allowed(more.sightOf(ada), call))
    }))
  })

  it("does not depend on the order of the rules", () => {
    fc.assert(fc.property(conditional, (rules) => {
      const [there, back] = [withRules(...rules).sightOf(ada), withRules(...[...rules].reverse()).sightOf(ada)]
      for (const call of calls) assert.strictEqual(allowed(there, call), allowed(back, call))
    }))
  })

  it("is a denial where no rule speaks, with no rules at all too, and names the rule where one does", () => {
    const call = { server: "files", kind: "tools", name: "read_file" } as const
    assert.deepStrictEqual(withRules().sightOf(ada).decide(call), { isAllowed: false, by: "default" })
    const access = withRules(
      { id: "all", effect: "allow", roles: ["*"], servers: ["*"] },
      { effect: "deny", roles: ["admin"], servers: ["files"] },
      { effect: "deny", roles: ["dev"], servers: ["files"], tools: ["write_*"] }
    )
    assert.deepStrictEqual(access.sightOf(ada).decide(call), { isAllowed: true, by: "rule", rule: "all" })
    assert.deepStrictEqual(access.sightOf(ada).decide({ ...call, name: "write_file" }), { isAllowed: false, by: "rule", rule: "#3" })
  })

  it("speaks of tools alone where a rule names tools, and of everything where it names nothing", () => {
    const sight = withRules({ effect: "allow", roles: ["dev"], servers: ["files"], tools: ["*"] }, { effect: "allow", roles: ["dev"], servers: ["git-a"] }).sightOf(ada)
    const seen = (server: string) => (["tools", "prompts", "resources", "templates"] as const).filter((kind) => sight.shows(server, kind, "x"))
    assert.deepStrictEqual([seen("files"), seen("git-a"), seen("git-b")], [["tools"], ["tools", "prompts", "resources", "templates"], []])
  })
})

describe("a principal", () => {
  it("of another tenant sees nothing of a server, whatever the rules say", () => {
    fc.assert(fc.property(plain, (rules) => {
      const access = made({ roles, rules, tenant: { claim: "tenant" } }, { files: ["acme"] })
      const sight = access.sightOf(bob)
      assert.isFalse(sight.sees("files"))
      for (const call of calls) if (call.server === "files") assert.isFalse(allowed(sight, call) || sight.shows("files", call.kind, call.name))
      for (const call of calls) if (call.server !== "files") assert.strictEqual(allowed(sight, call), allowed(access.sightOf(ada), call))
    }))
  })

  it("shares its sight with others of the same roles and tenants, and with nobody else", () => {
    const access = made({ roles, rules: [], tenant: { claim: "tenant" } })
    assert.strictEqual(access.sightOf(ada), access.sightOf({ ...ada, subject: "eve" }))
    assert.notStrictEqual(access.sightOf(ada).key, access.sightOf(bob).key)
    assert.notStrictEqual(access.sightOf(ada).key, access.sightOf({ ...ada, claims: { tenant: "acme" } }).key)
  })

  it("has a role by a claim in any form, by scope, client, subject or issuer, and by all of one `when` only", () => {
    const held = (when: AccessRules["roles"][number]["when"][number], principal: Partial<Principal>) =>
      made({ roles: [{ name: "r", when: [when] }], rules: [] }).rolesOf({ issuer: "i", subject: "s", ...principal }).length === 1
    assert.isTrue(held({ claim: "realm_access.roles", has: "dev" }, { claims: { realm_access: { roles: ["dev"] } } }))
    assert.isTrue(held({ claim: "https://x.example/groups", has: "dev" }, { claims: { "https://x.example/groups": "dev" } }))
    assert.isTrue(held({ claim: "mail", matches: "*@example.com" }, { claims: { mail: "ada@example.com" } }))
    assert.isFalse(held({ claim: "groups", has: "dev" }, { claims: { groups: "dev ops" } }))
    assert.isFalse(held({ claim: "constructor", has: "x" }, { claims: {} }))
    assert.isTrue(held({ scope: "mcp:dev", client: "desk" }, { scopes: ["mcp:dev"], clientId: "desk" }))
    assert.isFalse(held({ scope: "mcp:dev", client: "desk" }, { scopes: ["mcp:dev"], clientId: "other" }))
    assert.isFalse(held({ issuer: "manifold:keys", subject: "s" }, {}))
  })

  it("with an API key has the tenants of its scopes, and one with a token those of its claim alone", () => {
    const access = made({ roles, rules: [], tenant: { claim: "org.id" } })
    const scopes = ["tenant:b", "mcp", "tenant:a"]
    assert.deepStrictEqual(access.tenantsOf({ issuer: "manifold:keys", subject: "k", scopes }), ["a", "b"])
    assert.deepStrictEqual(access.tenantsOf({ issuer: "https://id", subject: "u", scopes, claims: { org: { id: "c" } } }), ["c"])
  })
})

describe("a resource", () => {
  it("is its URI written plainly: another way to write it opens nothing and gets past no denial", () => {
    const sight = withRules(
      { effect: "allow", roles: ["*"], servers: ["files"], resources: ["file:///pub/**"] },
      { effect: "allow", roles: ["*"], servers: ["git-a"] },
      { effect: "deny", roles: ["*"], servers: ["git-a"], resources: ["file:///etc/**"] }
    ).sightOf(ada)
    const read = (server: string, name: string) => sight.decide({ server, kind: "resources", name }).isAllowed
    assert.isTrue(read("files", "file:///pub/a/b.txt"))
    for (const uri of ["file:///pub/../etc/x", "file:///pub/%2e%2e/etc/x", "file:///pub/a//b", "file:///pub%2Fx", "file:///pub/x\0"]) assert.isFalse(read("files", uri), uri)
    assert.isTrue(read("git-a", "file:///home/x"))
    for (const uri of ["file:///etc/x", "file:///%65tc/x", "file:///home/../etc/x", "FILE:///etc/x", "file:////etc/x"]) assert.isFalse(read("git-a", uri), uri)
  })
})
