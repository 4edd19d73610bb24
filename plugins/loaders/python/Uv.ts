/** Installs what is pinned by uv, where that is on PATH, since it is faster; nothing needs it, and what it cannot do is left to pip. */
import { Effect, FileSystem, Path } from "effect"
import { Builder, Plugin } from "#plugin"
import type { Pip } from "./Pip.ts"

/** @returns whether it has installed the list into the environment of this Python */
export const installedByUv = Effect.fnUntraced(function*({ index, source }: Pip, list: string, python: string) {
  const path = yield* Path.Path
  const { workspace } = yield* Plugin.Host
  const uv = yield* uvOnPath
  if (uv === undefined) return false
  return yield* Builder.run({
    source,
    step: "uv pip install",
    command: uv,
    args: [
      "pip",
      "install",
      "--quiet",
      "--no-config",
      "--no-progress",
      "--no-python-downloads",
      "--no-deps",
      "--require-hashes",
      "--only-binary=:all:",
      // What is in the cache may be changed; the artifact may not be with it.
      "--link-mode=copy",
      "--compile-bytecode",
      `--cache-dir=${path.join(workspace, "uv-cache")}`,
      `--index-url=${index}`,
      `--python=${python}`,
      `--requirement=${list}`
    ],
    directory: workspace
  }).pipe(
    Effect.as(true),
    Effect.catch(({ message }) => Effect.as(Effect.logWarning(`${message}; pip is asked instead`), false))
  )
})

const uvOnPath = Effect.gen(function*() {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { environment } = yield* Plugin.Host
  for (const folder of (environment["PATH"] ?? "").split(":").filter(path.isAbsolute)) {
    const uv = path.join(folder, "uv")
    if (yield* Effect.orElseSucceed(files.exists(uv), () => false)) return uv
  }
  return undefined
})
