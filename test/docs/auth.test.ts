/** The guides to sign-in and credentials: their manifests can be used, their messages are the ones that are said, their links lead somewhere. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import { Command } from "effect/cli"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, vi } from "vitest"
import { builtIn } from "../../plugins/node.ts"
import { claimsMistake, headerMistake, type Rules } from "../../plugins/providers/oidc/Claims.ts"
import { BuiltIn } from "../../src/cli/BuiltIn.ts"
import { check } from "../../src/cli/Check.ts"
import { inProcess } from "../kit/inProcess.ts"
import { filesWith } from "../kit/manifest.ts"
import { blocksOf } from "../kit/markdown.ts"

const PROVIDERS = "docs/providers"
const pages = ["docs/auth.md", ...readdirSync(PROVIDERS).map((name) => join(PROVIDERS, name))]
const yamlIn = (page: string) => blocksOf(page).filter(({ language }) => language === "yaml").map(({ text }) => text)
/** The README shows parts of manifests. */
const parts = yamlIn("README.md").filter((text) => /^(?:hosting|servers):/mu.test(text)).map((text) => text.startsWith("version") || text.startsWith("#") ? text : `version: 1\n${text}`)
const manifests = [...pages.map((page) => ({ page, texts: yamlIn(page) })), { page: "README.md", texts: parts }]
  .flatMap(({ page, texts }) => texts.map((text, index) => ({ page, text, number: index + 1 })))

const run = inProcess(Command.make("manifold").pipe(Command.withSubcommands([check])))
const services = Layer.merge(NodeServices.layer, Layer.succeed(BuiltIn, builtIn))

describe("the guides to sign-in", () => {
  beforeAll(() => {
    for (const { text } of manifests) for (const [, name = ""] of text.matchAll(/\$\{env:(\w+)\}/gu)) vi.stubEnv(name, `the value of ${name}`)
  })
  afterAll(() => void vi.unstubAllEnvs())

  it.effect.each(manifests)("$page: manifest $number passes manifold check", ({ text }) =>
    Effect.gen(function*() {
      const [file = ""] = yield* filesWith([text])
      const { code, err } = yield* run("check", file)
      assert.strictEqual(code, 0, err)
    }).pipe(Effect.scoped, Effect.provide(services)))

  it("show each strategy, each method and each provider", () => {
    const all = manifests.map(({ text }) => text).join("\n")
    for (const name of ["bypass_auth", "master_oauth", "delegate_oauth", "proxy_oauth"]) assert.include(all, `auth_strategy: ${name}`)
    for (const name of ["token_exchange", "client_credentials", "gateway_jwt", "id_jag"]) assert.include(all, `method: ${name}`)
    for (const { kind, name } of builtIn) if (kind === "provider") assert.include(all, `provider: ${name}`)
  })
})

const guides = ["README.md", ...pages, ...readdirSync("docs").filter((name) => name.endsWith(".md")).map((name) => join("docs", name))]

describe("the links of the guides", () => {
  it.each(guides)("%s leads to files that are there", (page) => {
    const links = [...readFileSync(page, "utf8").matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/gu)].map(([, link = ""]) => link)
    for (const link of links) assert.isTrue(existsSync(join(dirname(page), link)), link)
  })
})

const LINE = /^(?:participant (\w+) as [^;#]+|Note over (\w+),(\w+): [^;#]+|(\w+)-{1,2}>>(\w+): [^;#]+)$/u

describe("the pictures of the guides", () => {
  const pictures = guides.flatMap((page) => blocksOf(page).filter(({ language }) => language === "mermaid").map(({ text }, index) => ({ page, text, number: index + 1 })))

  it.each(pictures)("$page: picture $number has lines that can be drawn, between those who take part", ({ text }) => {
    const [first, ...lines] = text.trimEnd().split("\n").map((line) => line.trim())
    assert.strictEqual(first, "sequenceDiagram")
    const known = new Set(lines.flatMap((line) => /^participant (\w+) as/u.exec(line)?.[1] ?? []))
    for (const line of lines) {
      const [, , ...named] = LINE.exec(line) ?? assert.fail(line)
      for (const name of named) assert.isTrue(name === undefined || known.has(name), line)
    }
  })
})

const NOW = 1_000_000
const issuer = "https://id.example.com"
const audience = "https://gw.example.com/mcp"
const rules: Rules = { issuers: [issuer], audience, types: ["at+jwt"], longestLife: Duration.hours(1), clockSkew: Duration.seconds(60) }
const claims = { iss: issuer, aud: audience, sub: "ada", iat: NOW, exp: NOW + 300 }
const headed = (header: object) => headerMistake({ header: { alg: "RS256", ...header }, claims } as unknown as Parameters<typeof headerMistake>[0], rules)
const claimed = (more: object) => claimsMistake({ ...claims, ...more }, rules, NOW)

describe("what docs/providers says is in the log", () => {
  it.each([
    ["another audience", claimed({ aud: "account" })],
    ["two audiences", claimed({ aud: [audience, "https://id.example.com/userinfo"] })],
    ["no audience", claimed({ aud: undefined })],
    ["another spelling of the issuer", claimed({ iss: `${issuer}/` })],
    ["another type", headed({ typ: "JWT" })],
    ["no type", headed({})],
    ["a long life", claimed({ exp: NOW + 86_400 })],
    ["no subject", claimed({ sub: undefined })],
    ["an end in the past", claimed({ exp: NOW - 61 })]
  ])("is so for a token with %s", (_, refusal) => {
    assert.include(readFileSync(`${PROVIDERS}/oidc.md`, "utf8"), `\`${refusal?.message}\``)
  })

  it.each(["github", "google", "oidc"])("is what the provider %s says", (name) => {
    const own = name === "oidc" ? readdirSync("plugins/providers/oidc").map((file) => `plugins/providers/oidc/${file}`) : []
    const source = [`plugins/providers/${name}.ts`, ...own].map((file) => readFileSync(file, "utf8").replaceAll("`", "")).join("\n")
    const said = [...readFileSync(`${PROVIDERS}/${name}.md`, "utf8").matchAll(/`The token was refused \(\w+\): ([^`]+)`/gu)].map(([, detail = ""]) => detail)
    assert.isAbove(said.length, 2)
    // What has values of a token in it is tried above.
    for (const detail of said.filter((text) => !/^(?:it is for|its issuer is|its typ is|it lives) /u.test(text))) assert.include(source, detail)
  })
})
