/**
 * Every client era with every backend era, by the official clients: all features in
 * which nobody has to be asked, and a clear error in the cells where somebody would be.
 */
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio"
import { Client } from "@modelcontextprotocol/client"
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js"
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import { StdioClientTransport as StdioV1 } from "@modelcontextprotocol/sdk/client/stdio.js"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { resolve } from "node:path"
import { serving, until } from "../kit/calls.ts"
import { type Answers, officialClient, textOf } from "../kit/client.ts"
import { conformanceFixture, gateway } from "../kit/gateway.ts"
import { MAIN } from "../kit/main.ts"

const eras = ["legacy", "modern"] as const

/** A gateway in front of the fixture of one era, and the official client of another. */
const cell = (backend: "legacy" | "modern", client: "legacy" | "modern", answers?: Answers) =>
  Effect.gen(function*() {
    const fixture = yield* conformanceFixture(backend)
    const gate = yield* gateway({
      servers: [{ id: "fixture", type: "remote", url: fixture.url, auth_strategy: "bypass_auth" }]
    })
    yield* Effect.promise(() => serving(gate.url, "fixture"))
    return yield* officialClient(gate.url, client, answers)
  })

const messageOf = (failed: Promise<unknown>): Promise<string> =>
  failed.then(() => "no error", (cause: unknown) => cause instanceof Error ? cause.message : String(cause))

for (const backend of eras) {
  for (const client of eras) {
    describe(`a ${client} client of a ${backend} backend`, () => {
      it.live("lists and uses tools, prompts, resources, templates and completions", () =>
        Effect.gen(function*() {
          const peer = yield* cell(backend, client)
          const use = yield* Effect.promise(async () => ({
            tools: (await peer.listTools()).tools.map(({ name }) => name),
            prompts: (await peer.listPrompts()).prompts.map(({ name }) => name),
            resources: (await peer.listResources()).resources.map(({ uri }) => uri),
            templates: (await peer.listResourceTemplates()).resourceTemplates.map(({ uriTemplate }) => uriTemplate),
            called: await peer.callTool({ name: "fixture__test_simple_text", arguments: {} }),
            failed: await peer.callTool({ name: "fixture__test_error_handling", arguments: {} }),
            prompt: await peer.getPrompt({ name: "fixture__test_simple_prompt" }),
            read: await peer.readResource({ uri: "test://static-text" }),
            expanded: await peer.readResource({ uri: "test://template/7/data" }),
            completed: await peer.complete({
              ref: { type: "ref/prompt", name: "fixture__test_prompt_with_arguments" },
              argument: { name: "arg1", value: "p" }
            })
          }))

          assert.include(use.tools, "fixture__test_simple_text")
          assert.include(use.prompts, "fixture__test_simple_prompt")
          assert.include(use.resources, "test://static-text")
          assert.include(use.templates, "test://template/{id}/data")
          assert.isTrue(textOf(use.called).length > 0)
          assert.isTrue(use.failed.isError === true)
          assert.strictEqual(use.prompt.messages.length, 1)
          assert.strictEqual(use.read.contents[0]?.uri, "test://static-text")
          assert.include(JSON.stringify(use.expanded.contents), "7")
          assert.isArray(use.completed.completion.values)
        }).pipe(Effect.scoped))

      it.live("hears progress in order and all of it, and is told what does not exist", () =>
        Effect.gen(function*() {
          const peer = yield* cell(backend, client)
          const heard: Array<number> = []
          yield* Effect.promise(() =>
            peer.callTool({ name: "fixture__test_tool_with_progress", arguments: {} }, {
              onprogress: ({ progress }) => heard.push(progress)
            })
          )
          const noTool = yield* Effect.promise(() => messageOf(peer.callTool({ name: "fixture__none", arguments: {} })))
          const noResource = yield* Effect.promise(() => messageOf(peer.readResource({ uri: "nowhere://x" })))

          assert.deepStrictEqual(heard, [0, 50, 100])
          assert.match(noTool, /Unknown tool: fixture__none/u)
          assert.match(noResource, /not found/iu)
        }).pipe(Effect.scoped))

      it.live("hears that the list of tools changed", () =>
        Effect.gen(function*() {
          const peer = yield* cell(backend, client)
          const heard: Array<string> = []
          if (client === "modern") {
            const subscription = yield* Effect.promise(() => peer.listen({ toolsListChanged: true }))
            yield* Effect.addFinalizer(() => Effect.promise(async () => subscription.close()))
          }
          peer.setNotificationHandler("notifications/tools/list_changed", () => void heard.push("tools"))
          yield* Effect.promise(() =>
            until(async () => {
              await peer.callTool({ name: "fixture__test_trigger_tool_change", arguments: {} })
              return heard.length
            }, (count) => count > 0)
          )
        }).pipe(Effect.scoped))

      it.live("asks the user what the backend wants to know, and goes on with the answer", () =>
        Effect.gen(function*() {
          const peer = yield* cell(backend, client, { elicitation: { username: "ada", email: "ada@example.com" } })
          const asked = yield* Effect.promise(() => peer.callTool({ name: "fixture__test_elicitation", arguments: { message: "Who?" } }))
          const sampled = yield* Effect.promise(() => peer.callTool({ name: "fixture__test_sampling", arguments: { prompt: "Say" } }))

          assert.include(textOf(asked), "ada@example.com")
          assert.include(textOf(sampled), "sampled")
        }).pipe(Effect.scoped))

      it.live("gets a clear error where the backend would have to ask a client that cannot be asked", () =>
        Effect.gen(function*() {
          const peer = yield* cell(backend, client)
          const outcome = yield* Effect.promise(() =>
            peer.callTool({ name: "fixture__test_elicitation", arguments: { message: "?" } }).then(
              (result) => result.isError === true ? textOf(result) : "no error",
              (cause: unknown) => cause instanceof Error ? cause.message : String(cause)
            )
          )
          assert.match(outcome, /elicitation|capabilit/iu)
        }).pipe(Effect.scoped))
    })
  }
}

const hello = { id: "hello", type: "local", path: resolve("manifests/examples/servers/hello.mjs"), auth_strategy: "bypass_auth" }

describe("clients of other makes and ways", () => {
  it.live("the client of SDK v1 works over HTTP as it always did", () =>
    Effect.gen(function*() {
      const gate = yield* gateway({ servers: [hello] })
      yield* Effect.promise(() => serving(gate.url, "hello"))
      const client = new ClientV1({ name: "v1", version: "1.0.0" })
      yield* Effect.promise(() => client.connect(new HttpV1(new URL(gate.url))))
      yield* Effect.addFinalizer(() => Effect.promise(() => client.close()))

      const { tools } = yield* Effect.promise(() => client.listTools())
      const result = yield* Effect.promise(() => client.callTool({ name: "hello__greet", arguments: { name: "Ada" } }))

      assert.deepStrictEqual(tools.map(({ name }) => name), ["hello__greet"])
      assert.include(JSON.stringify(result), "Ada")
    }).pipe(Effect.scoped))

  /** A gateway that serves its client on standard input and output; the manifest is written by `gateway`, which serves too. */
  const overStdio = Effect.map(gateway({ servers: [hello] }), ({ directory, manifest }) => ({
    command: process.execPath,
    args: [
      ...[MAIN, "serve", "--manifest", manifest, "--set", "hosting.transports.stdio=true"],
      ...["--set", `hosting.data_directory=${directory}/stdio`, "--port", "0"]
    ]
  }))

  it.live("the client of SDK v1 is served on standard input and output", () =>
    Effect.gen(function*() {
      const client = new ClientV1({ name: "v1", version: "1.0.0" })
      const transport = new StdioV1({ ...(yield* overStdio), stderr: "ignore" })
      yield* Effect.promise(() => client.connect(transport))
      yield* Effect.addFinalizer(() => Effect.promise(() => client.close()))
      yield* Effect.promise(() => until(() => client.listTools(), ({ tools }) => tools.length === 1))
      const result = yield* Effect.promise(() => client.callTool({ name: "hello__greet", arguments: { name: "Ada" } }))
      assert.include(JSON.stringify(result), "Ada")
    }).pipe(Effect.scoped))

  for (const era of eras) {
    it.live(`the client of SDK v2 is served on standard input and output in the ${era} era`, () =>
      Effect.gen(function*() {
        const mode = era === "legacy" ? "legacy" : { pin: "2026-07-28" } as const
        const client = new Client({ name: "v2", version: "1.0.0" }, { versionNegotiation: { mode } })
        const transport = new StdioClientTransport({ ...(yield* overStdio), stderr: "ignore" })
        yield* Effect.promise(() => client.connect(transport))
        yield* Effect.addFinalizer(() => Effect.promise(() => client.close()))
        yield* Effect.promise(() => until(() => client.listTools(), ({ tools }) => tools.length === 1))
        const result = yield* Effect.promise(() => client.callTool({ name: "hello__greet", arguments: { name: "Ada" } }))
        assert.include(textOf(result), "Ada")
      }).pipe(Effect.scoped))
  }
})
