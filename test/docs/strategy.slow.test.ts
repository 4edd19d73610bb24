/**
 * docs/writing-an-auth-strategy.md: its code is built into packages of its own, keeps the contract, and in the one-file
 * bundle leads two users to consent at a service that knows nothing of OAuth tokens.
 */
import { assert, describe, it } from "@effect/vitest"
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { execFileSync } from "node:child_process"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { Registry } from "../../src/host/Registry.ts"
import { authContract } from "../contract/auth.ts"
import type { Away } from "../contract/consent.ts"
import { authorizationServer } from "../kit/authorizationServer.ts"
import { userBrowser } from "../kit/browser.ts"
import { until } from "../kit/calls.ts"
import { linkIn } from "../kit/consenting.ts"
import { gateway } from "../kit/gateway.ts"
import { loadTexts } from "../kit/manifest.ts"
import { blocksOf } from "../kit/markdown.ts"
import { notesService } from "../kit/notesService.ts"
import { temporaryHost } from "../kit/pluginHost.ts"
import { pluginFolder } from "../kit/thirdParty.ts"
import { modernCall, post, textOf } from "../kit/wire.ts"

const GUIDE = "docs/writing-an-auth-strategy.md"
const blocks = blocksOf(GUIDE)
const textIn = (language: string) => blocks.find((block) => block.language === language)?.text ?? ""
const sources = blocks.filter(({ language }) => language === "js").map(({ text }) => ({ file: text.slice(3, text.indexOf("\n")), text }))

/** Each package of the guide, written down and built as its package.json says. */
const builtPackages = Effect.map(pluginFolder, (folder) => {
  for (const { file, text } of [...sources, { file: "notes-key/package.json", text: textIn("json") }]) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  const env = { ...process.env, PATH: `${resolve("node_modules/.bin")}:${process.env["PATH"]}` }
  const build = (name: string, command: string) => execFileSync("sh", ["-c", command], { cwd: join(folder, name), env, stdio: ["ignore", "ignore", "inherit"] })
  const { scripts } = JSON.parse(textIn("json"))
  build("notes-key", scripts.build)
  build("notes-effect", `${scripts.build} ${/`(--external:effect [^`]+)`/u.exec(readFileSync(GUIDE, "utf8"))?.[1]}`)
  return { plain: join(folder, "notes-key/dist/index.js"), effect: join(folder, "notes-effect/dist/index.js") }
})

const hostWith = (face: "plain" | "effect") =>
  Layer.provideMerge(
    Layer.effectDiscard(Effect.gen(function*() {
      const use = (yield* builtPackages)[face]
      const { refused } = yield* Effect.flatMap(Registry, (registry) => registry.replaceThirdParty([{ use }]))
      if (refused[0] !== undefined) return yield* refused[0]
    })),
    temporaryHost
  )

/** The notes service, where users approve at once. */
const away = Effect.map(notesService(), ({ config }): Away => ({
  config,
  codeAt: async (url, user) => {
    const page = await userBrowser(user).open(url, new URL(url).searchParams.get("redirect_uri") ?? "")
    return new URL(page.url).searchParams.get("code") ?? ""
  }
}))

const good = { url: "https://notes.example.com", app_id: "gateway", app_secret: "hunter2" }

authContract({
  name: "notes_key",
  host: hostWith("plain"),
  good,
  bad: [{ config: { ...good, url: "notes" }, at: "url" }, { config: { url: good.url, app_id: "gateway" }, at: "app_secret" }, { config: { ...good, secret: "x" }, at: "" }],
  away
})
authContract({
  name: "notes_effect",
  host: hostWith("effect"),
  good,
  bad: [{ config: { url: good.url }, at: "app_id" }, { config: { ...good, secret: "x" }, at: "secret" }],
  away
})

const usersOf = Effect.fnUntraced(function*(strategy: "notes_key" | "notes_effect") {
  const packages = yield* builtPackages
  const notes = yield* notesService()
  const client = { client_id: "gate", client_secret: "gate-secret", application_type: "native" as const, redirect_uris: ["http://127.0.0.1/oauth/callback"] }
  const home = yield* authorizationServer({ more: { clients: [client] } })
  const manifest = {
    master_oauth: { provider: "oidc", issuer: home.issuer, client_id: "gate", client_secret: "gate-secret" },
    plugins: [{ use: strategy === "notes_key" ? packages.plain : packages.effect }],
    servers: [{ id: "notes", type: "remote", url: `${notes.origin}/mcp`, auth_strategy: strategy, auth_config: notes.config }]
  }
  const gate = yield* gateway(manifest, { command: ["node", resolve("dist/manifold.mjs")], args: ["--log-level", "debug"] })
  const tokenOf = (user: string) => Effect.map(home.forUser(user, { audience: gate.url }), ({ access_token }) => access_token)
  const [ada, bob] = yield* Effect.all([tokenOf("ada"), tokenOf("bob")])
  const said = async (token: string) => {
    const { body, headers } = modernCall("notes__list")
    const reply = await post(gate.url, body, { ...headers, authorization: `Bearer ${token}` })
    return reply.message?.result === undefined ? reply.message?.error?.message ?? reply.text : textOf(reply)
  }
  const linkFor = async (token: string) => linkIn(await until(() => said(token), (text) => text.includes("/oauth/connect")))
  return { ada, bob, gate, linkFor, manifest, notes, said }
})

describe("the strategies of the guide, in the bundle", () => {
  it.live.each(["notes_key", "notes_effect"] as const)("%s sends each user's own key, after that user consented, and nobody else's", (strategy) =>
    Effect.gen(function*() {
      const { ada, bob, gate, linkFor, manifest, notes, said } = yield* usersOf(strategy)
      yield* Effect.promise(async () => {
        const link = await linkFor(ada)
        assert.strictEqual((await userBrowser("mallory").open(link)).status, 403)
        const page = await userBrowser("ada").open(link)
        assert.include(page.html, "The server notes is connected", gate.stderr().slice(-2000))
        await until(() => said(ada), (text) => text === "the notes of ada")
        assert.include(await said(bob), "/oauth/connect", "what one user approved is no other's")
        await userBrowser("bob").open(await linkFor(bob))
        await until(() => said(bob), (text) => text === "the notes of bob")

        notes.endKeys()
        assert.deepStrictEqual([...new Set(await Promise.all(Array.from({ length: 10 }, () => said(ada))))], ["the notes of ada"])
        assert.strictEqual(notes.count("POST /keys/renew"), 1, "those that were refused together are renewed for once")
        assert.strictEqual(notes.spentTwice(), 0)

        notes.withdraw("ada")
        await until(() => said(ada), (text) => text.includes("/oauth/connect"))
        assert.strictEqual(await said(bob), "the notes of bob")

        gate.rewrite({ ...manifest, servers: [] })
        await until(async () => notes.holders(), (holders) => holders.length === 0)
        for (const secret of [ada, bob]) assert.notInclude(notes.seen().join("\n"), secret.slice(-40))
        for (const secret of [ada, bob, ...notes.seen().map((one) => one.split(" ")[0] ?? "").filter((one) => one !== "")]) assert.notInclude(gate.stderr(), secret.slice(-40))
      })
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 60_000)

  it.effect("is configured by a manifest that can be used", () =>
    Effect.gen(function*() {
      const loaded = yield* loadTexts([textIn("yaml")], { environment: { GATEWAY_SECRET: "one secret", NOTES_SECRET: "another secret" } })
      assert.deepStrictEqual(loaded.manifest.servers.map(({ auth_strategy }) => auth_strategy), ["notes_key"])
    }).pipe(Effect.provide(NodeServices.layer)))
})
