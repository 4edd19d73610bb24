import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { strict } from "../../src/manifest/Decode.ts"
import { problemsOf } from "../../src/manifest/Load.ts"
import { sayProblem } from "../../src/manifest/Problem.ts"
import { loadTexts, serverWith } from "../kit/manifest.ts"

const Own = Schema.Struct({
  url: Schema.String,
  retries: Schema.Int,
  mode: Schema.Literals(["fast", "slow", "none"]),
  token: Schema.RedactedFromValue(Schema.String.check(Schema.isMinLength(40, { expected: "a long token" })))
})

describe("a plugin's part of the manifest", () => {
  it.effect("is judged by the plugin, each mistake at its line and with the nearest name", () =>
    Effect.gen(function*() {
      const loaded = yield* loadTexts([serverWith("ulr: x", "retries: many", "mode: fats", "token: hunter2", "enabeld: false")])
      const source = loaded.manifest.servers[0]?.source
      const error = yield* Effect.flip(Schema.decodeUnknownEffect(Own, strict)(source))
      const said = problemsOf(loaded, loaded.serverPath("a"), error).map(sayProblem).map((line) => line.replace(/^\S*\//u, ""))
      assert.deepStrictEqual(said.sort(), [
        "1.yaml:10:5: servers.a.enabeld: is not a known key, did you mean \"enabled\"?",
        "1.yaml:6:5: servers.a.ulr: is not a known key, did you mean \"url\"?",
        "1.yaml:6:5: servers.a.url: is missing (there is \"ulr\"), did you mean \"url\"?",
        "1.yaml:7:14: servers.a.retries: is text, expected a number",
        "1.yaml:8:11: servers.a.mode: is \"fats\", expected one of fast, slow, none, did you mean \"fast\"?",
        "1.yaml:9:12: servers.a.token: is not valid, expected a long token"
      ])
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("can be pointed at by others, with the nearest of the names they know", () =>
    Effect.gen(function*() {
      const loaded = yield* loadTexts([serverWith()])
      const problem = loaded.problemAt([...loaded.serverPath("a"), "type"], { message: "there is no such loader", known: ["locale", "npm"] })
      assert.match(sayProblem(problem), /1\.yaml:4:11: servers\.a\.type: there is no such loader, did you mean "locale"\?$/u)
    }).pipe(Effect.provide(NodeServices.layer)))
})
