import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as fc from "fast-check"
import { diff } from "../../src/manifest/Diff.ts"
import type { Manifest } from "../../src/manifest/Manifest.ts"
import { loadTexts } from "../kit/manifest.ts"

const manifestWith = (...servers: ReadonlyArray<string>) =>
  Effect.map(loadTexts([`version: 1\nservers: [${servers.join(", ")}]\n`]), ({ manifest }) => manifest)

const server = (id: string, rest = "") => `{ id: ${id}, type: local, auth_strategy: bypass_auth${rest === "" ? "" : `, ${rest}`} }`

describe("the difference between two manifests", () => {
  it.effect("keeps what is equal and says which keys of the others differ", () =>
    Effect.gen(function*() {
      const before = yield* manifestWith(server("same", "timeout: 60s"), server("changed", "path: ./a, config: { args: [x], environment: { A: x } }"), server("gone"))
      const after = yield* manifestWith(
        server("changed", "path: ./b, config: { args: [y], environment: { A: x, B: y } }"),
        server("same", "timeout: 1 minute"),
        server("new")
      )
      assert.deepStrictEqual(diff(before, after), [
        { id: "changed", action: "replace", why: ["path", "config.args", "config.environment.B"] },
        { id: "same", action: "keep", why: [] },
        { id: "new", action: "add", why: ["id"] },
        { id: "gone", action: "remove", why: ["id"] }
      ])
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("treats a disabled server as absent, in both directions", () =>
    Effect.gen(function*() {
      const on = yield* manifestWith(server("a"))
      const off = yield* manifestWith(server("a", "enabled: false"))
      assert.deepStrictEqual(diff(undefined, off), [])
      assert.deepStrictEqual(diff(on, off), [{ id: "a", action: "remove", why: ["enabled"] }])
      assert.deepStrictEqual(diff(off, on), [{ id: "a", action: "add", why: ["enabled"] }])
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("names a changed secret header without its value", () =>
    Effect.gen(function*() {
      const before = yield* manifestWith(server("a", "config: { headers: { Authorization: one } }"))
      const after = yield* manifestWith(server("a", "config: { headers: { Authorization: two } }"))
      assert.deepStrictEqual(diff(before, after), [{ id: "a", action: "replace", why: ["config.headers.Authorization"] }])
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("of a manifest with itself changes nothing, and applied to nothing adds everything", () =>
    Effect.gen(function*() {
      const some: Array<Manifest> = []
      for (const ids of fc.sample(fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"), { minLength: 1 }), 8)) {
        some.push(yield* manifestWith(...ids.map((id) => server(id, `timeout: ${ids.length}s`))))
      }
      for (const one of some) {
        assert.isTrue(diff(one, one).every(({ action }) => action === "keep"))
        assert.isTrue(diff(undefined, one).every(({ action }) => action === "add"))
        for (const other of some) {
          const goes = diff(one, other).filter(({ action }) => action === "remove").map(({ id }) => id)
          const stays = diff(one, other).filter(({ action }) => action !== "remove").map(({ id }) => id)
          assert.deepStrictEqual(stays, other.servers.map(({ id }) => id))
          assert.isTrue(goes.every((id) => !stays.includes(id)))
        }
      }
    }).pipe(Effect.provide(NodeServices.layer)))
})
