import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { Command } from "effect/cli"
import { access } from "../../src/cli/Access.ts"
import { inProcess } from "../kit/inProcess.ts"
import { filesWith } from "../kit/manifest.ts"

const run = inProcess(Command.make("manifold").pipe(Command.withSubcommands([access])))

const MANIFEST = `version: 1
master_oauth: { provider: oidc, issuer: "https://id.example.com" }
access:
  roles: [{ name: dev, when: [{ claim: groups, has: devs }, { issuer: "manifold:keys", scope: "mcp:dev" }] }]
  tenant: { claim: tenant }
  rules:
    - { id: devs, effect: allow, roles: [dev], servers: [files, notes], tools: ["read_*", write_file] }
    - { effect: deny, roles: ["*"], servers: [files], tools: [write_file], arguments: { path: "/etc/**" } }
servers:
  - { id: files, type: local, path: ., auth_strategy: bypass_auth }
  - { id: notes, type: local, path: ., auth_strategy: bypass_auth, prefix: on_conflict, tenants: [acme] }
  - { id: more, type: local, path: ., auth_strategy: bypass_auth, prefix: never }
`

const explain = (...args: ReadonlyArray<string>) =>
  Effect.flatMap(filesWith([MANIFEST]), ([file = ""]) => run("access", "explain", "-m", file, "--as", "ada", ...args)).pipe(
    Effect.scoped,
    Effect.provide(NodeServices.layer)
  )

const DEV = ["--claims", `{"groups":["devs"]}`]

describe("manifold access explain", () => {
  it.effect("says who decides about a call and why the user has a role, with exit code 0 where it is allowed", () =>
    Effect.map(explain(...DEV, "--call", "files/write_file", "--arguments", `{"path":"/tmp/x"}`), ({ code, err, out }) => {
      assert.deepStrictEqual({ code, err }, { code: 0, err: "" })
      assert.deepStrictEqual(out.split("\n"), [
        "allowed: tool files/write_file, for ada of https://id.example.com",
        "",
        "  decided by  rule devs",
        "  listed      yes",
        "  roles       dev (claim groups has \"devs\")",
        "  tenants     none"
      ])
    }))

  it.effect("says which rule denies and which others apply, with exit code 1", () =>
    Effect.map(explain(...DEV, "--call", "files__write_file", "--arguments", `{"path":"/etc/x"}`, "--json"), ({ code, out }) => {
      assert.strictEqual(code, 1)
      assert.deepStrictEqual(JSON.parse(out), {
        principal: { issuer: "https://id.example.com", subject: "ada" },
        server: "files",
        kind: "tool",
        name: "write_file",
        allowed: false,
        by: "rule",
        rule: "#2",
        listed: true,
        roles: [{ role: "dev", why: "claim groups has \"devs\"" }],
        tenants: [],
        applying: [{ id: "#2", effect: "deny" }, { id: "devs", effect: "allow" }]
      })
    }))

  it.effect("says that a server is other tenants', that no rule speaks, and what a key gets by its scopes", () =>
    Effect.gen(function*() {
      assert.match((yield* explain(...DEV, "--call", "notes/read_file")).out, /^denied[^]*other tenants[^]*listed +no/u)
      assert.match((yield* explain("--call", "files/read_file")).out, /^denied[^]*no rule allows it[^]*roles +none/u)
      const key = yield* explain("--call", "notes/read_file", "--issuer", "manifold:keys", "--scope", "mcp:dev", "--scope", "tenant:acme")
      assert.match(key.out, /^allowed[^]*roles +dev \(issuer "manifold:keys" and scope "mcp:dev"\)[^]*tenants +acme/u)
    }))

  it.effect("finds the server by its prefix, and asks for it where that does not tell", () =>
    Effect.gen(function*() {
      assert.match((yield* explain(...DEV, "--call", "read_file")).err, /can be of more than one server: write notes\/read_file or more\/read_file/u)
      assert.match((yield* explain(...DEV, "--call", "fils/read_file")).err, /There is no server "fils", did you mean "files"\?/u)
    }))

  it.effect("reads claims from a file, and says what is wrong with those that are none", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const path = yield* files.makeTempFileScoped()
      yield* files.writeFileString(path, DEV[1] ?? "")
      assert.strictEqual((yield* explain("--claims", `@${path}`, "--call", "files/read_file")).code, 0)
      assert.match((yield* explain("--claims", "[]", "--call", "files/read_file")).err, /^The claims are a list/u)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
