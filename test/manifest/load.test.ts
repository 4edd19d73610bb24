import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Equal, Redacted } from "effect"
import { pathIn } from "../../src/manifest/Hosting.ts"
import { load, type Loaded } from "../../src/manifest/Load.ts"
import { sayProblem } from "../../src/manifest/Problem.ts"
import { filesWith, loadTexts, mistakesOf, serverWith } from "../kit/manifest.ts"

const everythingWrong = `version: 2
hosting:
  prot: 80
  drain: 5
servers:
  - id: Files
    type: npm
    auth_stategy: bypass_auth
    config: { args: [1], environment: { PATH: x } }
  - id: b
    type: Registry
    auth_strategy: bypass_auth
  - { id: b, type: local, auth_strategy: bypass_auth }
severs: []
`

/** A line of a server is indented; any other is a key of the manifest. */
const notBuilt: Readonly<Record<string, string>> = {
  "retries": "routing: { retry: { attempts: 3, budget: 20% } }",
  "a wrong form of retries": "routing: { retry: { attempts: many } }",
  "a breaker": "routing: { breaker: { failures: 5, open: 10 seconds } }",
  "retries of its own": "  retry: { attempts: 2 }"
}

describe("a manifest", () => {
  it.effect("fills in every default, and leaves a loader's own keys to the loader", () =>
    Effect.gen(function*() {
      const { manifest } = yield* loadTexts([serverWith("url: https://x.example.com", "config: { headers: { X-Key: k } }")])
      assert.deepStrictEqual(manifest.hosting.transports, { http: { path: "/mcp" }, sse: false, websocket: false, stdio: false })
      assert.strictEqual(manifest.hosting.port, 8080)
      assert.strictEqual(manifest.guard.hidden_text, "refuse")
      const [server] = manifest.servers
      assert.deepStrictEqual(server?.source, { url: "https://x.example.com" })
      assert.deepStrictEqual(Redacted.value(server?.config.headers["X-Key"] ?? Redacted.make("")), "k")
      assert.isTrue(server?.enabled === true && server.required === false)
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("serves a way in where it says, at the usual path for true, and two never at one path", () =>
    Effect.gen(function*() {
      const pathsOf = ({ manifest: { hosting: { transports } } }: Loaded) => [pathIn(transports.sse, "/sse"), pathIn(transports.websocket, "/ws")]
      const given = (transports: string) => `version: 1\nhosting: { transports: ${transports} }\n`
      assert.deepStrictEqual(pathsOf(yield* loadTexts([given("{}")])), [undefined, undefined])
      assert.deepStrictEqual(pathsOf(yield* loadTexts([given("{ sse: true, websocket: { path: /socket } }")])), ["/sse", "/socket"])
      assert.deepStrictEqual(pathsOf(yield* loadTexts([given("{}")], { set: ["hosting.transports.sse=true"] })), ["/sse", undefined])
      for (const same of ["{ sse: { path: /mcp } }", "{ websocket: { path: /mcp } }", "{ sse: true, websocket: { path: /sse/messages } }"]) {
        const [said] = yield* mistakesOf([given(same)])
        assert.include(said, "have to be at different paths", same)
      }
      assert.include((yield* mistakesOf([given("{ sse: { path: //evil.example } }")]))[0], "hosting.transports.sse")
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("read twice is equal, durations and redacted headers included", () =>
    Effect.gen(function*() {
      const text = serverWith("timeout: 5 minutes", "config: { headers: { A: secret } }")
      const one = yield* loadTexts([text])
      const two = yield* loadTexts([text])
      const other = yield* loadTexts([text.replace("secret", "other")])
      assert.isTrue(Equal.equals(one.manifest, two.manifest))
      assert.isFalse(Equal.equals(one.manifest, other.manifest))
    }).pipe(Effect.provide(NodeServices.layer)))

  for (const [text, millis] of [["500ms", 500], ["10s", 10_000], ["60 seconds", 60_000], ["1.5m", 90_000], ["5 minutes", 300_000], ["2 h", 7_200_000], ["1 day", 86_400_000], ["3 min", 180_000]] as const) {
    it.effect(`reads ${text} as a duration`, () =>
      Effect.gen(function*() {
        const { manifest } = yield* loadTexts([`version: 1\nrouting: { timeout: ${text} }\n`])
        assert.strictEqual(Duration.toMillis(manifest.routing.timeout), millis)
      }).pipe(Effect.provide(NodeServices.layer)))
  }

  it.effect("reports every mistake at once, each at its place, not the first alone", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* mistakesOf([everythingWrong]), [
        "1.yaml:1:10: version: is 2, expected 1",
        "1.yaml:3:3: hosting.prot: is not a known key, did you mean \"port\"?",
        "1.yaml:4:10: hosting.drain: is a number, expected a number with its unit, such as 500ms, 10s or 60 seconds",
        "1.yaml:6:9: servers.Files.id: is \"Files\", expected a small letter, then small letters, digits and dashes, 63 characters at most",
        "1.yaml:8:5: servers.Files.auth_strategy: is missing, expected which credential goes with a call: bypass_auth sends none (there is \"auth_stategy\"), did you mean \"auth_strategy\"?",
        "1.yaml:9:22: servers.Files.config.args.0: is a number, expected text (put it in quotes)",
        "1.yaml:9:41: servers.Files.config.environment.PATH: \"PATH\" changes how programs load and is refused, expected it in allow_environment too, if it is meant",
        "1.yaml:11:11: servers.b.type: is \"Registry\", expected the name of a plugin: small letters, digits, _ and -",
        "1.yaml:13:11: servers.b.id: \"b\" is already the id of the server at line 10, expected an id of its own for each server",
        "1.yaml:14:1: severs: is not a known key, did you mean \"servers\"?"
      ])
    }).pipe(Effect.provide(NodeServices.layer)))

  for (const [what, lines] of Object.entries(notBuilt)) {
    it.effect(`with ${what} is refused as not supported yet, not quietly run without it`, () =>
      Effect.gen(function*() {
        const said = yield* mistakesOf([lines.startsWith("  ") ? serverWith(lines.trim()) : `${serverWith()}${lines}\n`])
        assert.isTrue(said.some((line) => /^1\.yaml:6:\d+: .*not supported yet/u.test(line)), said.join("\n"))
      }).pipe(Effect.provide(NodeServices.layer)))
  }

  it.effect("refuses demands that nobody could meet, instead of seeming to keep them", () =>
    Effect.gen(function*() {
      const demands = ["minimum_release_age: 7 days", "provenance: required"]
      const said = (type: string) => mistakesOf([serverWith(...demands).replace("type: local", `type: ${type}`)])
      assert.deepStrictEqual(yield* said("docker"), [
        "1.yaml:6:26: servers.a.minimum_release_age: says nothing with type docker, where nobody dates what is published",
        "1.yaml:7:17: servers.a.provenance: says nothing with type docker: only npm registries sign what they give"
      ])
      assert.deepStrictEqual(yield* said("pypi"), ["1.yaml:7:17: servers.a.provenance: says nothing with type pypi: only npm registries sign what they give"])
      const { manifest: { servers: [server] } } = yield* loadTexts([serverWith(...demands).replace("type: local", "type: registry")])
      assert.strictEqual(server?.provenance, "required")
      assert.deepStrictEqual(server?.minimum_release_age, Duration.days(7))
      assert.deepStrictEqual(server?.source, {})
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("lets others in only with sign-in, and says so at the address", () =>
    Effect.gen(function*() {
      const open = `${serverWith()}hosting: { host: 0.0.0.0 }\n`
      const said = yield* mistakesOf([open])
      assert.match(said.join(), /^1\.yaml:6:18: hosting\.host: would let others in/u)
      for (const signIn of ["api_keys: true", "master_oauth: { provider: oidc, issuer: https://id.example.com }"]) {
        const { manifest } = yield* loadTexts([`${open}${signIn}\n`])
        assert.strictEqual(manifest.hosting.host, "0.0.0.0")
      }
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("keeps the provider's own keys of master_oauth apart from the gateway's", () =>
    Effect.gen(function*() {
      const { manifest } = yield* loadTexts([`${serverWith()}master_oauth: { provider: oidc, issuer: https://id.example.com, required_scopes: [mcp] }\n`])
      assert.deepStrictEqual(manifest.master_oauth, { provider: "oidc", required_scopes: ["mcp"], config: { issuer: "https://id.example.com" } })
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("takes a key that is not built yet where it asks for what happens anyway", () =>
    Effect.gen(function*() {
      const text = `${serverWith("sandbox: none")}api_keys: false\n`
      const { manifest } = yield* loadTexts([text])
      assert.strictEqual(manifest.servers.length, 1)
    }).pipe(Effect.provide(NodeServices.layer)))

  for (const [host, refused] of [["127.0.0.1", false], ["::1", false], ["localhost", false], ["127.8.9.1", false], ["0.0.0.0", true], ["192.168.1.2", true], ["::", true], ["127.0.0.1.example.com", true]] as const) {
    it.effect(`${refused ? "refuses to listen" : "listens"} on ${host} without sign-in`, () =>
      Effect.gen(function*() {
        const outcome = yield* Effect.result(loadTexts([`version: 1\nhosting: { host: "${host}" }\n`]))
        assert.strictEqual(outcome._tag === "Failure", refused)
      }).pipe(Effect.provide(NodeServices.layer)))
  }

  it.effect("takes a dangerous variable only where it is listed as meant", () =>
    Effect.gen(function*() {
      for (const name of ["PATH", "NODE_OPTIONS", "LD_PRELOAD", "DYLD_X", "BASH_ENV", "ENV", "GIT_SSH", "PYTHONPATH", "npm_config_registry"]) {
        const config = (listed: string) => serverWith(`config: { environment: { ${name}: x }, allow_environment: [${listed}] }`)
        assert.strictEqual((yield* mistakesOf([config("")])).length, 1, name)
        assert.strictEqual((yield* loadTexts([config(name)])).manifest.servers.length, 1)
      }
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("that is a folder, missing, or far too large says so without a line", () =>
    Effect.gen(function*() {
      const [file = ""] = yield* filesWith([`a: ${"x".repeat(11 * 1024 * 1024)}`])
      const { problems } = yield* Effect.flip(load({ files: [file, "/no/such.yaml", "/tmp"], environment: {}, set: [] }))
      assert.deepStrictEqual(problems.map(sayProblem), [`${file}: is larger than 1 MiB`, "/no/such.yaml: there is no such file", "/tmp: is a folder, not a file"])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("says where each value comes from, defaults included", () =>
    Effect.gen(function*() {
      const { effective } = yield* loadTexts([serverWith("timeout: 3s")], { environment: { PORT: "9000" }, set: ["routing.timeout=4s"] })
      const from = Object.fromEntries(effective.map(({ from, path, value }) => [path, `${value} ${from.replace(/^.*\//u, "")}`]))
      assert.strictEqual(from["servers.a.timeout"], "\"3s\" 1.yaml:6")
      assert.strictEqual(from["servers.a.enabled"], "true default")
      assert.strictEqual(from["hosting.port"], "9000 environment")
      assert.strictEqual(from["routing.timeout"], "\"4s\" --set")
      assert.strictEqual(from["hosting.drain"], "\"30s\" default")
    }).pipe(Effect.provide(NodeServices.layer)))
})
