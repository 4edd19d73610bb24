/**
 * Names that would be options or commands to git, npm, pip, docker, ssh or a shell, through every loader: each is refused
 * by its grammar, or reaches its program as a piece of data. Whatever ran would have written the canary.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as fc from "fast-check"
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { builtIn } from "../../plugins/node.ts"
import { bundleOf, sha256Of } from "../kit/bundle.ts"
import { call, serving, statusOf, until } from "../kit/calls.ts"
import { gateway, temporaryDirectory } from "../kit/gateway.ts"
import { loopback } from "../kit/loopback.ts"
import { mcpRegistry } from "../kit/mcpRegistry.ts"
import { npmRegistryWith } from "../kit/npmRegistry.ts"

const INSIDE = readFileSync("test/fixtures/servers/inside.mjs", "utf8")
const DIGEST = `sha256:${"0a".repeat(32)}`

/** @param file what each of them would write */
const hostile = (file: string) => [
  `--upload-pack=touch ${file}`,
  `-oProxyCommand=touch ${file}`,
  `$(touch ${file})`,
  `\`touch ${file}\``,
  `; touch ${file}`,
  `| touch ${file}`,
  `a\n touch ${file}`,
  `ext::sh -c touch% ${file}`,
  "--index-url=http://127.0.0.1:9/",
  "--privileged",
  `--config=${file}`,
  `"; touch ${file}; "`
]

/** A good config of each loader that fetches, and its texts that reach another program. */
const loaders: ReadonlyArray<{ readonly type: string; readonly good: Readonly<Record<string, unknown>>; readonly texts: ReadonlyArray<string> }> = [
  { type: "git", good: { url: "https://127.0.0.1:9/a.git" }, texts: ["url", "branch", "tag", "commit", "subdirectory"] },
  { type: "npm", good: { package: "left-pad", version: "1.0.0", registry: "http://127.0.0.1:9/" }, texts: ["package", "version", "registry"] },
  { type: "pypi", good: { package: "thing", index_url: "http://127.0.0.1:9/simple" }, texts: ["package", "version", "script", "module", "index_url", "python"] },
  { type: "docker", good: { image: `a@${DIGEST}` }, texts: ["image", "user", "network", "engine"] },
  { type: "registry", good: { name: "a/b", registry: "http://127.0.0.1:9" }, texts: ["name", "version", "registry", "package"] },
  { type: "mcpb", good: { url: "https://127.0.0.1:9/a.mcpb" }, texts: ["url", "sha256"] },
  { type: "remote", good: { url: "https://127.0.0.1:9/mcp" }, texts: ["url", "transport"] }
]

/** Texts that any file may be called. */
const FREE: ReadonlyArray<readonly [type: string, key: string]> = [["local", "path"], ["local", "command"], ["registry", "file"], ["mcpb", "path"]]

const decodes = (type: string, config: unknown) => {
  const plugin = builtIn.find((each) => each.name === type)
  return plugin?.kind === "loader" && Effect.runSync(Effect.match(plugin.decode(config), { onSuccess: () => true, onFailure: () => false }))
}

describe("a text that another program reads", () => {
  const all = loaders.flatMap(({ good, texts, type }) => texts.map((key) => [`${type}.${key}`, { type, good, key }] as const))

  it.each(all)("is refused by the grammar of %s when it is an option or a command", (_title, { good, key, type }) => {
    const { commit: _, ...rest } = good
    assert.isTrue(decodes(type, rest), "the config is good without it")
    for (const text of hostile("/tmp/canary")) assert.isFalse(decodes(type, { ...rest, [key]: text }), text)
  })

  // An address of a remote server is read by nobody but us.
  it.each(all.filter(([, { type }]) => type !== "remote"))("is no option and no command whatever %s takes", (_title, { good, key, type }) => {
    const piece = fc.oneof(fc.constantFrom("-", "--", "$(", "`", ";", "\n", " ", "a", "1", ".", "/", "@", ":", "#", "https://a.b", "ssh://a@b", ">=1", "\0", "'", "\"", "\\"), fc.string({ maxLength: 3 }))
    fc.assert(fc.property(fc.array(piece, { minLength: 1, maxLength: 8 }), (pieces) => {
      const text = pieces.join("")
      if (!decodes(type, { ...good, [key]: text })) return
      assert.notMatch(text, /^-|[\n\r\0`"\\]|\$\(|;\s/u)
    }), { numRuns: 300 })
  })
})

describe("a gateway with hostile names in every loader", () => {
  it.live("runs none of them: each server says what is wrong with it, and what is data arrives as it was written", () =>
    Effect.gen(function*() {
      const folder = yield* Effect.acquireRelease(Effect.sync(() => temporaryDirectory("manifold-canary-")), (made) => Effect.sync(() => rmSync(made, { recursive: true })))
      const names = hostile(`${folder}/canary`)
      mkdirSync(`${folder}/place`)
      const registry = yield* mcpRegistry
      const npm = yield* npmRegistryWith({ name: "inside", version: "1.0.0", manifest: { bin: "inside.mjs" }, files: { "inside.mjs": INSIDE } })
      const server = { type: "node", entry_point: "inside.mjs", mcp_config: { command: "node", args: ["${__dirname}/inside.mjs", ...names], env: { GREETING: names[2] ?? "" } } }
      const bundle = yield* bundleOf({ server }, [{ path: "inside.mjs", text: INSIDE }])
      const files = yield* loopback(() => (_, response) => response.end(bundle))

      const own = { registryType: "npm", registryBaseUrl: npm.url, identifier: "inside", version: "1.0.0" }
      const few = names.slice(0, 5)
      const entries = few.flatMap((text) => [
        { packages: [{ ...own, identifier: text }] },
        { packages: [{ ...own, version: text }] },
        { packages: [{ ...own, registryBaseUrl: text }] },
        { packages: [{ ...own, environmentVariables: [{ name: text, value: "x" }] }] },
        { packages: [{ registryType: "pypi", registryBaseUrl: "http://127.0.0.1:9", identifier: text, version: "1.0" }] },
        { packages: [{ registryType: "oci", identifier: text }] },
        { packages: [{ registryType: "oci", identifier: "a", version: text }] },
        { packages: [{ registryType: "mcpb", identifier: text, fileSha256: "0".repeat(64) }] },
        { remotes: [{ type: "streamable-http", url: text }] },
        { remotes: [{ type: "streamable-http", url: "https://127.0.0.1:9/mcp", headers: [{ name: text, value: "x" }] }] }
      ])
      entries.forEach((entry, index) => registry.publish({ name: `hostile/e${index}`, version: "1", ...entry }))
      const greeting = { name: "GREETING", value: names[2] }
      registry.publish({ name: "data/args", version: "1", packages: [{ ...own, packageArguments: names.map((value) => ({ type: "positional", value })), environmentVariables: [greeting], runtimeArguments: names.map((value) => ({ type: "positional", value })) }] })

      const common = { auth_strategy: "bypass_auth" }
      const bad = [
        ...loaders.flatMap(({ good, texts, type }) => texts.flatMap((key) => few.map((text) => ({ type, ...good, [key]: text })))),
        ...FREE.flatMap(([type, key]) => few.map((text) => ({ type, [key]: text }))),
        ...few.slice(1, 3).map((bin) => ({ type: "npm", package: "inside", version: "1.0.0", registry: npm.url, bin })),
        ...few.slice(1, 3).map((volume) => ({ type: "docker", image: `a@${DIGEST}`, volumes: [`${volume}:/x`] })),
        ...entries.map((_, index) => ({ type: "registry", name: `hostile/e${index}`, registry: registry.url }))
      ].map((entry, index) => ({ id: `bad-${index}`, ...entry, ...common }))
      const good = [
        { id: "args", type: "registry", name: "data/args", registry: registry.url, ...common },
        { id: "bundle", type: "mcpb", url: `${files.origin}/a.mcpb`, sha256: sha256Of(bundle), ...common },
        { id: "own", type: "npm", package: "inside", version: "1.0.0", registry: npm.url, config: { args: names, environment: { GREETING: names[2] }, working_directory: `${folder}/place` }, ...common }
      ]
      const gate = yield* gateway({ servers: [...good, ...bad] })
      yield* Effect.promise(async () => {
        await serving(gate.url, "args", "bundle", "own")
        for (const { id } of good) {
          const seen = JSON.parse((await call(gate.url, `${id}__look`, {})).text)
          assert.deepStrictEqual([seen.args, seen.greeting], [names, names[2]], id)
        }
        const { servers } = await until(() => statusOf(gate.url), (all) => all.servers.every(({ actual, wanted }) =>
          actual.phase === "ready" || wanted.problem !== undefined || actual.why !== undefined), 60)
        assert.deepStrictEqual(servers.filter(({ actual, id }) => actual.phase === "ready" && id.startsWith("bad-")).map(({ id }) => id), [])
      })
      assert.deepStrictEqual(readdirSync(folder), ["place"])
      assert.deepStrictEqual(readdirSync(`${folder}/place`), [])
    }).pipe(Effect.scoped), 180_000)
})
