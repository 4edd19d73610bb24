/**
 * What every loader keeps to. For plugin authors as well: give the name, a host that holds the
 * plugin, one good config and some bad ones, and run the file with vitest.
 */
import { describe, it } from "@effect/vitest"
import { deepStrictEqual, ok, strictEqual } from "node:assert"
import { Effect, Fiber, FileSystem, type Layer, Path } from "effect"
import type { Plugin } from "#plugin"
import { Registry } from "../../src/host/Registry.ts"
import { processesIn } from "../kit/processes.ts"

export interface BadConfig {
  readonly config: unknown
  /** Where the mistake is, as `key.key`. */
  readonly at: string
}

export interface LoaderContract<E> {
  readonly name: string
  readonly host: Layer.Layer<Registry | Plugin.Lent, E>
  readonly good: unknown
  readonly bad: ReadonlyArray<BadConfig>
}

export const loaderContract = <E>({ name, host, good, bad }: LoaderContract<E>) => {
  const built = Effect.flatMap(Registry, (registry) => registry.decode("loader", name, good)).pipe(
    Effect.flatMap((part) => part.build)
  )
  const emptyFolder = Effect.flatMap(FileSystem.FileSystem, (files) => files.makeTempDirectoryScoped())

  describe(`the contract of loaders: ${name}`, () => {
    for (const { config, at } of bad) refusesConfig({ kind: "loader", name, host }, config, at)

    it.live("gives the same exact answer each time, as JSON, instead of one that cannot go into a lock", () =>
      Effect.gen(function*() {
        const loader = yield* built
        const first = yield* loader.resolve
        deepStrictEqual(yield* loader.resolve, first)
        deepStrictEqual(JSON.parse(JSON.stringify(first)), first)
        ok(first.digest !== "" && first.source !== "")
      }).pipe(Effect.provide(host)))

    it.live("launches an executable that is there, or an address, out of what it prepared alone", () =>
      Effect.gen(function*() {
        const loader = yield* built
        const directory = yield* emptyFolder
        const resolved = yield* loader.resolve
        yield* loader.prepare?.(resolved, directory) ?? Effect.void
        const launch = yield* loader.launch(directory, resolved, { environment: [], limits: {} })
        if (launch._tag === "Http") return ok(URL.canParse(launch.url))
        ok(yield* isExecutable(launch.command), `${launch.command} is no executable`)
      }).pipe(Effect.provide(host)))

    it.live("leaves no process behind when it is interrupted while it prepares", () =>
      Effect.gen(function*() {
        const loader = yield* built
        if (loader.prepare === undefined) return
        const directory = yield* emptyFolder
        const preparing = yield* Effect.forkChild(loader.prepare(yield* loader.resolve, directory))
        yield* Effect.yieldNow.pipe(
          Effect.andThen(processesIn(directory)),
          Effect.repeat({ until: (found) => found.length > 0 || preparing.pollUnsafe() !== undefined })
        )
        yield* Fiber.interrupt(preparing)
        strictEqual((yield* processesIn(directory)).length, 0)
      }).pipe(Effect.provide(host)))
  })
}

export const refusesConfig = <E>(
  { kind, name, host }: { kind: Plugin.Kind; name: string; host: Layer.Layer<Registry | Plugin.Lent, E> },
  config: unknown,
  at: string
) =>
  it.live(`refuses ${JSON.stringify(config)} and names ${at === "" ? "the whole" : at}, instead of failing later`, () =>
    Effect.gen(function*() {
      const registry = yield* Registry
      const refused = yield* Effect.flip(registry.decode(kind, name, config))
      ok(refused._tag === "ConfigRefused")
      const places = refused.problems.map(({ path }) => path.join("."))
      ok(places.includes(at), `${places.join(", ")} instead of ${at}: ${refused.message}`)
    }).pipe(Effect.provide(host)))

const isExecutable = Effect.fnUntraced(function*(command: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const places = path.isAbsolute(command)
    ? [command]
    : (process.env["PATH"] ?? "").split(":").map((folder) => path.join(folder, command))
  const modes = yield* Effect.forEach(places, (place) =>
    files.stat(place).pipe(Effect.match({ onSuccess: ({ mode }) => mode, onFailure: () => 0 })))
  return modes.some((mode) => (mode & 0o111) !== 0)
})
