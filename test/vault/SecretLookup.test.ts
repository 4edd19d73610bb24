/** `${secret:name}` in a manifest: real vaults in the data directory that the manifest names. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { existsSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { load } from "../../src/manifest/Load.ts"
import { sayProblem } from "../../src/manifest/Problem.ts"
import { keyText } from "../../src/vault/MasterKey.ts"
import { secretLookup } from "../../src/vault/SecretLookup.node.ts"
import { Vault } from "../../src/vault/Vault.ts"
import { vaultLayer } from "../../src/vault/Vault.node.ts"
import { serverWith } from "../kit/manifest.ts"
import { folder } from "../kit/store.ts"
import { keyOf, secret } from "../kit/vault.ts"

const HOSTING = "hosting: { data_directory: data, vault: { key_file: \"${env:KEY_FILE}\" } }\n"

/** A folder with a vault that has these secrets, and what loads a manifest in it. */
const place = Effect.fnUntraced(function*(secrets: Readonly<Record<string, string>>) {
  const directory = yield* folder
  const keyFile = (seed: number) => {
    writeFileSync(join(directory, `key${seed}`), Redacted.value(keyText(keyOf(seed))))
    return `./key${seed}`
  }
  const options = { directory, dataDirectory: join(directory, "data"), environment: {}, vault: { key_file: keyFile(1) } }
  const vault = Context.get(yield* Layer.build(vaultLayer(options)), Vault)
  yield* Effect.forEach(Object.entries(secrets), ([name, value]) => vault.put("secrets", name, secret(value)))
  const file = join(directory, "m.yaml")
  const loading = (text: string, seed = 1) => {
    writeFileSync(file, text)
    return load({ files: [file], environment: { KEY_FILE: keyFile(seed) }, set: [] })
  }
  const mistakes = (text: string, seed?: number) =>
    Effect.map(Effect.flip(loading(text, seed)), ({ problems }) => problems.map(sayProblem).map((line) => line.replaceAll(`${directory}/`, "")))
  return { directory, loading, mistakes }
})

const services = Layer.mergeAll(NodeServices.layer, secretLookup)

describe("a secret in a manifest", () => {
  it.effect("is its value in the vault, alone and between texts, and redacted where the field is a secret", () =>
    Effect.gen(function*() {
      const { loading } = yield* place({ "issues.client-1": "hunter2${env:X}", port: "9090" })
      const text = serverWith("token: ${secret:issues.client-1}", "config: { headers: { Authorization: 'Bearer ${secret:issues.client-1}' }, port: '${secret:port}' }")
      const { effective, manifest } = yield* loading(text + HOSTING)
      const [server] = manifest.servers
      assert.strictEqual(server?.source["token"], "hunter2${env:X}")
      assert.strictEqual(server?.config.port, 9090)
      const header = server?.config.headers["Authorization"]
      assert.strictEqual(header && Redacted.value(header), "Bearer hunter2${env:X}")
      assert.notInclude(String(header) + JSON.stringify([server?.config.headers, effective]), "hunter2")
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("that is missing is a mistake at its line, with the command that puts it there", () =>
    Effect.gen(function*() {
      const { mistakes } = yield* place({ other: "x" })
      assert.deepStrictEqual(yield* mistakes(serverWith("path: ${secret:nope}", "token: ${secret:other}") + HOSTING), [
        "m.yaml:6:11: servers.a.path: there is no secret \"nope\" in the vault; put it there with: manifold secrets set nope"
      ])
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("is out of reach with the wrong key: said at its line, once for each, with nothing changed", () =>
    Effect.gen(function*() {
      const { loading, mistakes } = yield* place({ x: "1" })
      const [said = "", ...others] = yield* mistakes(serverWith("path: ${secret:x}") + HOSTING, 2)
      assert.match(said, /^m\.yaml:6:11: servers\.a\.path: The vault's key from the file .*key2 cannot be used: it is another one/u)
      assert.deepStrictEqual(others, [])
      assert.strictEqual((yield* loading(serverWith("path: ${secret:x}") + HOSTING)).manifest.servers[0]?.source["path"], "1")
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("cannot stand in hosting, which says where the vault is", () =>
    Effect.gen(function*() {
      const { mistakes } = yield* place({ x: "1" })
      const said = yield* mistakes(`${serverWith("path: ${secret:x}")}hosting: { data_directory: "\${secret:x}" }\n`)
      assert.isTrue(said.some((line) => line.startsWith("m.yaml:7:28: hosting.data_directory: hosting cannot refer to the vault")), said.join("\n"))
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("of a server that is off is not asked for, nor is a vault where nothing refers to it", () =>
    Effect.gen(function*() {
      const { directory, loading } = yield* place({})
      yield* loading(serverWith("path: ${secret:x}", "enabled: false") + HOSTING, 2)
      yield* loading(serverWith("path: $${secret:x}") + HOSTING, 2)
      const elsewhere = serverWith("path: ${secret:x}").concat("hosting: { data_directory: elsewhere }\n")
      yield* Effect.flip(loading(elsewhere))
      assert.isFalse(existsSync(join(directory, "elsewhere")))
      assert.notInclude(readdirSync(directory), "data")
    }).pipe(Effect.scoped, Effect.provide(services)))
})
