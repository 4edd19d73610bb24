import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { loadTexts, mistakesOf } from "../kit/manifest.ts"

const manifest = (...lines: ReadonlyArray<string>) =>
  ["version: 1", "access:", ...lines.map((line) => `  ${line}`), "servers:", "  - { id: files, type: local, path: ., auth_strategy: bypass_auth }", ""].join("\n")

const mistakes = (...lines: ReadonlyArray<string>) => mistakesOf([manifest(...lines)]).pipe(Effect.provide(NodeServices.layer))

describe("access rules in a manifest", () => {
  it.effect("are taken as they are written, servers' tenants too", () =>
    Effect.gen(function*() {
      const { manifest: loaded } = yield* loadTexts([
        manifest(
          "roles: [{ name: dev, when: [{ claim: groups, has: devs }] }]",
          "tenant: { claim: org.id }",
          "rules: [{ effect: deny, roles: [dev], servers: [\"f*\"], tools: [write_file], arguments: { path: \"/etc/**\", size: { at_least: 5 } } }]"
        ).replace("bypass_auth }", "bypass_auth, tenants: [acme] }")
      ])
      assert.deepStrictEqual(loaded.servers[0]?.tenants, ["acme"])
      assert.deepStrictEqual(loaded.access?.rules[0]?.arguments, { path: "/etc/**", size: { at_least: 5 } })
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("name roles and servers that are there, each mistake at its place and with the name that was meant", () =>
    Effect.map(
      mistakes(
        "roles: [{ name: dev, when: [{ subject: a }] }, { name: dev, when: [{ subject: b }] }]",
        "rules:",
        "  - { id: one, effect: allow, roles: [dve], servers: [fils] }",
        "  - { id: one, effect: allow, roles: [dev], servers: [\"git-*\", \"*\"] }"
      ),
      (said) =>
        assert.deepStrictEqual(said, [
          "1.yaml:3:58: access.roles.1.name: there is a role \"dev\" already",
          "1.yaml:5:41: access.rules.0.roles.0: there is no role \"dve\", did you mean \"dev\"?",
          "1.yaml:5:57: access.rules.0.servers.0: there is no server for \"fils\", did you mean \"files\"?",
          "1.yaml:6:13: access.rules.1.id: there is a rule \"one\" already",
          "1.yaml:6:57: access.rules.1.servers.0: there is no server for \"git-*\""
        ])
    ))

  it.effect("are refused where they could never apply, or would say less than they seem to", () =>
    Effect.map(
      mistakes(
        "roles: [{ name: dev, when: [{}] }, { name: ops, when: [{ claim: x }] }]",
        "rules:",
        "  - { effect: allow, roles: [dev], servers: [files], tools: [\"a b\"] }",
        "  - { effect: allow, roles: [dev], servers: [files], arguments: { a: x } }",
        "  - { effect: allow, roles: [dev], servers: [files], tools: [a], arguments: { a: { at_least: 5, at_most: 3 } } }",
        "  - { effect: allow, roles: [dev], servers: [files], tool: [a] }"
      ),
      (said) => {
        assert.lengthOf(said, 6)
        for (const [index, why] of [
          "says nothing",
          "names a claim and not what it has to hold",
          "a name as the server has it",
          "conditions on arguments, which only a rule for named tools or prompts can have",
          "can never hold: at_least is above at_most",
          "is not a known key, did you mean \"tools\"?"
        ].entries()) assert.include(said[index], why)
      }
    ))

  it.effect("have patterns for URIs that some URI can fit", () =>
    Effect.map(mistakes("rules: [{ effect: deny, roles: [\"*\"], servers: [files], resources: [\"file:///a/../b\"] }]"), (said) =>
      assert.match(said.join(), /^1\.yaml:3:\d+: access\.rules\.0\.resources\.0: can never match/u)))

  it.effect("say how a tenant is known before a server has tenants", () =>
    Effect.map(
      mistakesOf([manifest("rules: []").replace("bypass_auth }", "bypass_auth, tenants: [acme] }")]).pipe(Effect.provide(NodeServices.layer)),
      (said) => assert.match(said.join(), /^1\.yaml:5:\d+: servers\.files\.tenants: needs access\.tenant/u)
    ))
})
