/** The contract of loaders on those that fetch from servers, which are the test's own. */
import { Effect, Exit, Scope } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { bundleOf, sha256Of } from "../kit/bundle.ts"
import { gitServer, publish, workingCopy } from "../kit/gitServer.ts"
import { loopback } from "../kit/loopback.ts"
import { mcpRegistry } from "../kit/mcpRegistry.ts"
import { temporaryHost } from "../kit/pluginHost.ts"
import { wheelIndexWith } from "../kit/wheelIndex.ts"
import { loaderContract } from "./loader.ts"

const scope = Effect.runSync(Scope.make())
const folder = mkdtempSync(join(tmpdir(), "manifold-contract-"))
workingCopy(`${folder}/copy`, { "server.py": "", "requirements.txt": "thing" })
publish(`${folder}/copy`, `${folder}/bare/r.git`)
const thing = { name: "thing", version: "1.0.0", files: { "thing.py": "def main(): pass\n" }, scripts: { thing: "thing:main" } }
const server = { type: "node", entry_point: "index.js", mcp_config: { command: "node", args: ["${__dirname}/index.js"] } }
const bundle = await Effect.runPromise(bundleOf({ server }, [{ path: "index.js", text: "" }]))
const [{ url }, index, files, registry] = await Effect.runPromise(
  Scope.provide(Effect.all([gitServer(`${folder}/bare`), wheelIndexWith(thing), loopback(() => (_, response) => response.end(bundle)), mcpRegistry]), scope)
)
registry.publish({ name: "test/bundle", version: "1.0.0", packages: [{ registryType: "mcpb", identifier: `${files.origin}/a.mcpb`, fileSha256: sha256Of(bundle) }] })

afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  rmSync(folder, { recursive: true })
})

const repository = "https://git.example.com/a.git"
const key = { ssh_key: "k", known_hosts: "git.example.com ssh-ed25519 AAAA" }

loaderContract({
  name: "git",
  host: temporaryHost,
  good: { url: url("r.git"), index_url: index.url },
  bad: [
    { config: {}, at: "url" },
    ...[
      "--upload-pack=touch /tmp/x",
      "-oProxyCommand=x",
      "ext::sh -c touch% /tmp/x",
      "file:///etc",
      "/etc",
      "git://git.example.com/a.git",
      "http://git.example.com/a.git",
      "http://127.0.0.1.example.com/a.git",
      "https://me:word@git.example.com/a.git",
      "https://git.example.com/a.git?x=1",
      "https://git.example.com/a%0d%0ab",
      "https://-oProxyCommand=x/a.git",
      "ssh://-oProxyCommand=x/a.git",
      "ssh://-oProxyCommand@git.example.com/a.git",
      "ssh://git@git.example.com/a b",
      "ssh://git@git.example.com/$(touch x)",
      "git@git.example.com:a.git",
      "https://git.example.com"
    ].map((odd) => ({ config: { url: odd }, at: "url" })),
    ...["--upload-pack=x", "a..b", "a b", "refs/heads/*", "a\nb", "a@{1}", "a.lock", "/a", "a/"].map((branch) => ({ config: { url: repository, branch }, at: "branch" })),
    { config: { url: repository, tag: "-v1" }, at: "tag" },
    { config: { url: repository, branch: "main", tag: "v1" }, at: "tag" },
    { config: { url: repository, commit: "abc123" }, at: "commit" },
    ...["../up", "/etc", "a/../b", "-a", ".git", "a/./b"].map((subdirectory) => ({ config: { url: repository, subdirectory }, at: "subdirectory" })),
    { config: { url: repository, username: "me" }, at: "username" },
    { config: { url: repository, token: "t", username: "a:b" }, at: "username" },
    { config: { url: repository, ...key }, at: "ssh_key" },
    { config: { url: "ssh://git@git.example.com/a.git" }, at: "ssh_key" },
    { config: { url: "ssh://git@git.example.com/a.git", ssh_key: "k" }, at: "known_hosts" },
    { config: { url: "ssh://git@git.example.com/a.git", ...key, token: "t" }, at: "token" },
    { config: { url: repository, build: "npm run build" }, at: "build" },
    { config: { url: repository, build: true }, at: "build" },
    { config: { url: repository, brnach: "main" }, at: "brnach" }
  ]
})

loaderContract({
  name: "pypi",
  host: temporaryHost,
  good: { package: "thing", index_url: index.url },
  bad: [
    { config: {}, at: "package" },
    ...["-r /etc/passwd", "--index-url=http://127.0.0.1:9", "thing @ file:///etc", "git+https://git.example.com/a.git", "./a", "../a", "a;b", "thing==1.0", "https://example.com/a.whl", ""]
      .map((odd) => ({ config: { package: odd }, at: "package" })),
    ...["latest", "-r x", "1.0 --pre", "1.0; python_version", "@ file:///etc", "==1.0 --hash=x", "1.0\n--pre"].map((version) => ({ config: { package: "thing", version }, at: "version" })),
    { config: { package: "thing", index_url: "http://wheels.example.com/simple" }, at: "index_url" },
    { config: { package: "thing", index_url: "https://me:word@wheels.example.com/simple" }, at: "index_url" },
    { config: { package: "thing", index_url: "file:///etc" }, at: "index_url" },
    { config: { package: "thing", script: "../../bin/sh" }, at: "script" },
    { config: { package: "thing", module: "-c" }, at: "module" },
    { config: { package: "thing", script: "a", module: "b" }, at: "module" },
    { config: { package: "thing", python: "3" }, at: "python" },
    { config: { package: "thing", verison: "1" }, at: "verison" }
  ]
})

loaderContract({
  name: "mcpb",
  host: temporaryHost,
  good: { url: `${files.origin}/a.mcpb` },
  bad: [
    { config: {}, at: "" },
    { config: { url: "https://a.example.com/b.mcpb", path: "./b.mcpb" }, at: "" },
    { config: { url: "http://a.example.com/b.mcpb" }, at: "url" },
    { config: { url: "https://me:word@a.example.com/b.mcpb" }, at: "url" },
    { config: { url: "file:///etc/passwd" }, at: "url" },
    { config: { path: "./b.mcpb", sha256: "abc" }, at: "sha256" },
    { config: { path: "./b.mcpb", inputs: { a: { b: 1 } } }, at: "inputs.a" },
    { config: { path: "./b.mcpb", input: {} }, at: "input" }
  ]
})

loaderContract({
  name: "registry",
  host: temporaryHost,
  good: { name: "test/bundle", registry: registry.url },
  bad: [
    { config: {}, at: "" },
    { config: { name: "bundle" }, at: "name" },
    { config: { name: "../bundle" }, at: "name" },
    { config: { name: "test/bundle/more" }, at: "name" },
    { config: { name: "test/bundle", version: "^1.0.0" }, at: "version" },
    { config: { name: "test/bundle", registry: "http://registry.example.com" }, at: "registry" },
    { config: { name: "test/bundle", registry: "https://registry.example.com", file: "./server.json" }, at: "registry" },
    { config: { name: "test/bundle", package: "nuget" }, at: "package" },
    { config: { name: "test/bundle", verison: "1.0.0" }, at: "verison" }
  ]
})
