/** The age of Python packages, before a real pip and an index that dates its wheels. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Policy } from "#plugin"
import pypi from "../../../plugins/loaders/pypi.ts"
import { temporaryLent } from "../../kit/pluginHost.ts"
import { jsonIndexWith, wheelIndexWith, type WheelText } from "../../kit/wheelIndex.ts"

const DAY = 24 * 60 * 60 * 1000
const ago = (days: number) => new Date(Date.now() - days * DAY).toISOString()
const week = { minimumReleaseAge: 7 * DAY }

const tool = (version: string, uploaded: string): WheelText => ({ name: "tool", version, uploaded, files: { "tool.py": "" }, requires: ["dep>=1"] })
const dep = (version: string, uploaded: string): WheelText => ({ name: "dep", version, uploaded, files: { "dep.py": version } })

const resolved = (config: { readonly index_url: string; readonly version?: string }, policy: Policy.Demanded = week) =>
  Effect.flatMap(pypi.build({ package: "tool", ...config }), ({ resolve }) => Effect.provideService(resolve, Policy.Policy, policy))

describe("a Python package that is too young", () => {
  it.live("is not taken, nor are its dependencies; one that is asked for by its version is refused, and nothing is when nobody asks", () =>
    Effect.gen(function*() {
      const index = yield* jsonIndexWith(
        tool("1.0.0", ago(30)),
        tool("1.1.0", ago(3)),
        tool("1.2.0", ago(1)),
        dep("1.0.0", ago(30)),
        dep("1.0.1", ago(2))
      )
      const { pin } = yield* resolved({ index_url: index.url })
      assert.strictEqual(pin["version"], "1.0.0")
      assert.match(pin["released"] ?? "", /^\d{4}-/u)
      assert.notInclude(JSON.stringify(pin), "dep==1.0.1")
      assert.include((yield* Effect.flip(resolved({ index_url: index.url, version: "1.2.0" }))).message, "nothing fits without tool")
      assert.strictEqual((yield* resolved({ index_url: index.url }, {})).pin["version"], "1.2.0")
    }).pipe(Effect.provide(temporaryLent)), 120_000)

  it.live("has only hashes that are old enough: a wheel that was added to an old version later is another file", () =>
    Effect.gen(function*() {
      const added = { ...dep("1.0.0", ago(1)), name: "tool", platform: "win_amd64", files: { "dep.py": "other" } }
      const index = yield* jsonIndexWith({ ...dep("1.0.0", ago(30)), name: "tool" }, added)
      const { pin } = yield* resolved({ index_url: index.url })
      assert.strictEqual(pin["tool==1.0.0"]?.split(" ").length, 1)
      assert.strictEqual(index.hashOf("tool").split(" ").length, 2)
    }).pipe(Effect.provide(temporaryLent)), 60_000)

  it.live("is taken where the index has no dates, which the lock says", () =>
    Effect.gen(function*() {
      const index = yield* wheelIndexWith(tool("1.0.0", ago(1)), dep("1.0.0", ago(1)))
      assert.strictEqual((yield* resolved({ index_url: index.url })).pin["released"], "no date")
    }).pipe(Effect.provide(temporaryLent)), 60_000)
})
