/** npm packages from a registry that is nobody's stand-in: published by npm to Verdaccio, and served by it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { call, statusOf, until } from "../../kit/calls.ts"
import { gateway, temporaryDirectory } from "../../kit/gateway.ts"
import { installVerdaccio, verdaccio } from "../../kit/verdaccio.ts"

const HELLO = readFileSync("manifests/examples/servers/hello.mjs", "utf8")

describe("an npm package of a real registry", () => {
  const folder = temporaryDirectory("manifold-verdaccio-")
  let missing: string | undefined
  beforeAll(async () => {
    missing = await installVerdaccio(folder)
    if (missing !== undefined) console.log(`skipped: ${missing}`)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.live("runs when it is whole; one that was tampered with is refused, one that is too young too, and no install script runs", (context) =>
    Effect.gen(function*() {
      if (missing !== undefined) return context.skip(missing)
      const registry = yield* verdaccio(folder)
      const canary = join(folder, "canary")
      const server = { manifest: { type: "module", bin: { server: "server.mjs" } }, files: { "server.mjs": `#!/usr/bin/env node\n${HELLO}` } }
      const touch = `node -e "require('fs').writeFileSync(${JSON.stringify(canary).replaceAll("\"", "'")}, '')"`
      yield* Effect.promise(async () => {
        for (const version of ["1.0.0", "1.1.0"]) await registry.publish({ name: "normal", version, ...server })
        await registry.publish({ name: "tampered", version: "1.0.0", ...server })
        await registry.publish({ name: "scripted", version: "1.0.0", ...server, manifest: { ...server.manifest, scripts: { postinstall: touch } } })
        rmSync(canary, { force: true })
        registry.tamper("tampered", "1.0.0")
      })
      const entry = (id: string, more: object = {}) => ({ id, type: "npm", package: id, registry: registry.url, auth_strategy: "bypass_auth", ...more })
      const { url } = yield* gateway({
        servers: [entry("normal", { version: "^1.0.0" }), entry("tampered"), entry("scripted"), { ...entry("young", { minimum_release_age: "7 days" }), package: "normal" }]
      })
      yield* Effect.promise(async () => {
        for (const id of ["normal", "scripted"]) {
          await until(() => call(url, `${id}__greet`, { name: "Ada" }).then(({ error, text }) => error ?? text), (text) => text.includes("Hello, Ada!"), 60)
        }
        assert.isFalse(existsSync(canary), "a script of a package is not run")
        const { servers } = await until(() => statusOf(url), ({ servers }) => servers.filter(({ wanted, actual }) => wanted.problem !== undefined || actual.why !== undefined).length === 2, 60)
        const said = new Map(servers.map(({ actual, id, wanted }) => [id, `${wanted.problem ?? ""} ${actual.why ?? ""} `]))
        assert.match(said.get("tampered") ?? "", /integrity|EINTEGRITY|sha512/u)
        assert.include(said.get("young"), "all its versions are younger than minimum_release_age")
      })
    }).pipe(Effect.scoped), 180_000)
})
