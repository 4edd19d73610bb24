/** The contract of loaders on those that fetch from servers, which are the test's own. */
import { Effect, Exit, Scope } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { gitServer, publish, workingCopy } from "../kit/gitServer.ts"
import { temporaryHost } from "../kit/pluginHost.ts"
import { wheelIndexWith } from "../kit/wheelIndex.ts"
import { loaderContract } from "./loader.ts"

const scope = Effect.runSync(Scope.make())
const folder = mkdtempSync(join(tmpdir(), "manifold-contract-"))
workingCopy(`${folder}/copy`, { "server.py": "", "requirements.txt": "thing" })
publish(`${folder}/copy`, `${folder}/bare/r.git`)
const thing = { name: "thing", version: "1.0.0", files: { "thing.py": "def main(): pass\n" }, scripts: { thing: "thing:main" } }
const [{ url }, index] = await Effect.runPromise(Scope.provide(Effect.all([gitServer(`${folder}/bare`), wheelIndexWith(thing)]), scope))

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
