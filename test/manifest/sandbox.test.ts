/** `sandbox:` and `limits:`, and what each combination means. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { loadTexts, mistakesOf } from "../kit/manifest.ts"

const image = `node@sha256:${"0a".repeat(32)}`

const server = (type: string, ...lines: ReadonlyArray<string>) => `version: 1\nservers:\n  - id: a\n    type: ${type}\n    auth_strategy: bypass_auth\n${lines.map((line) => `    ${line}\n`).join("")}`

describe("a sandbox", () => {
  it.effect("is none unless it is written, and the same in short and in detail", () =>
    Effect.gen(function*() {
      const sandboxOf = (...lines: ReadonlyArray<string>) => Effect.map(loadTexts([server("local", "command: node", ...lines)]), ({ manifest }) => manifest.servers[0]?.sandbox)
      assert.deepStrictEqual(yield* sandboxOf(), { mode: "none" })
      assert.deepStrictEqual(yield* sandboxOf("sandbox: process"), yield* sandboxOf("sandbox: { mode: process }"))
      assert.deepStrictEqual(yield* sandboxOf(`sandbox: { mode: container, image: "${image}", folders: ["./data:rw"] }`), { mode: "container", image, folders: ["./data:rw"] })
    }).pipe(Effect.provide(NodeServices.layer)))

  for (
    const [lines, path, why] of [
      [["sandbox: container"], "servers.a.sandbox", ""],
      [["sandbox: { mode: container }"], "servers.a.sandbox.image", "a container needs the image to run, by digest"],
      [["sandbox: { mode: container, image: node:24 }"], "servers.a.sandbox.image", "by digest"],
      [["sandbox: { mode: container, image: \"--privileged\" }"], "servers.a.sandbox.image", "the name of an image"],
      [[`sandbox: { mode: process, image: "${image}" }`], "servers.a.sandbox.image", "means nothing with mode process"],
      [["sandbox: { mode: none, network: true }"], "servers.a.sandbox.network", "means nothing with mode none"],
      [["sandbox: { mode: process, folders: [\"./a,dst=/b\"] }"], "servers.a.sandbox.folders.0", "without commas and quotes"],
      [["sandbox: process", "config: { port: 4000 }"], "servers.a.sandbox", "write { mode: process, network: true }"],
      [["limits: { memory: 512 }"], "servers.a.limits.memory", "with its unit"],
      [["limits: { open_files: 3 }"], "servers.a.limits.open_files", ""]
    ] as const
  ) {
    it.effect(`is refused, with the place: ${lines.join(", ")}`, () =>
      Effect.gen(function*() {
        const said = yield* mistakesOf([server("local", "command: node", ...lines)])
        assert.isTrue(said.some((line) => line.includes(`: ${path}: `) && line.includes(why)), said.join("\n"))
      }).pipe(Effect.provide(NodeServices.layer)))
  }

  it.effect("and limits mean nothing for what runs elsewhere, and a sandbox nothing for a container", () =>
    Effect.gen(function*() {
      const remote = (line: string) => Effect.map(mistakesOf([server("remote", "url: https://a.example/mcp", line)]), (said) => said.join())
      assert.include(yield* remote("sandbox: process"), "it runs elsewhere")
      assert.include(yield* remote("limits: { cpu: 1 }"), "it runs elsewhere")
      assert.include((yield* mistakesOf([server("docker", "image: a", "sandbox: process")])).join(), "it is in a container already")
      assert.deepStrictEqual((yield* loadTexts([server("docker", "image: a", "limits: { cpu: 1, open_files: 100 }")])).manifest.servers[0]?.limits, { cpu: 1, open_files: 100 })
    }).pipe(Effect.provide(NodeServices.layer)))
})
