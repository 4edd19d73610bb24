/** Finds what to run in an environment: a console script of a package, or a module. Scripts are run by the environment's own Python, wherever it lies. */
import { Effect, FileSystem, Option, Path } from "effect"
import { Loader } from "#plugin"
import { normal } from "./Names.ts"

export interface Run {
  readonly source: string
  readonly venv: string
  /** The package whose scripts count. */
  readonly name: string
  readonly script: string | undefined
  readonly module: string | undefined
}

export const commandOf = Effect.fnUntraced(function*({ module, name, script, source, venv }: Run) {
  const path = yield* Path.Path
  const python = path.join(venv, "bin", "python")
  const run = (args: ReadonlyArray<string>, detected: string): Loader.Stdio => ({
    _tag: "Stdio",
    command: python,
    args,
    // The environment stays as it was made.
    environment: { PYTHONDONTWRITEBYTECODE: "1" },
    detected
  })
  if (module !== undefined) return run(["-m", module], `module ${module} (as the manifest says), run by Python`)

  const scripts = yield* scriptsOf(venv, name)
  const chosen = script ?? (scripts.length === 1 ? scripts[0] : scripts.find((each) => normal(each) === normal(name)))
  if (chosen !== undefined && scripts.includes(chosen)) {
    return run([path.join(venv, "bin", chosen)], `${chosen} (${script === undefined ? `a command of ${name}` : "as the manifest says"}), run by Python`)
  }
  return yield* new Loader.LoadFailed({
    source,
    step: "find command",
    next: scripts.length === 0 ? "write module: the one to run with python -m" : `write script: one of ${scripts.join(", ")}`,
    cause: new Error(script === undefined ? `${name} has no command named like it` : `${name} has no command "${script}"`)
  })
})

/** The console scripts that a package declares and that have been installed. */
const scriptsOf = Effect.fnUntraced(function*(venv: string, name: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const installed = new Set(yield* Effect.orElseSucceed(files.readDirectory(path.join(venv, "bin")), () => []))
  const info = (yield* installedIn(venv)).find((each) => normal(each.name) === normal(name))
  if (info === undefined) return []
  const text = yield* Effect.option(files.readFileString(path.join(info.folder, "entry_points.txt")))
  return namesIn(Option.getOrElse(text, () => "")).filter((each) => installed.has(each))
})

/** The name of the package that was built from a folder, of which pip keeps a note (PEP 610). */
export const builtIn = Effect.fnUntraced(function*(venv: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  for (const { folder, name } of yield* installedIn(venv)) {
    if (yield* Effect.orElseSucceed(files.exists(path.join(folder, "direct_url.json")), () => false)) return name
  }
  return undefined
})

const installedIn = Effect.fnUntraced(function*(venv: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const list = (folder: string) => Effect.orElseSucceed(files.readDirectory(folder), () => [])
  const homes = (yield* list(path.join(venv, "lib"))).map((version) => path.join(venv, "lib", version, "site-packages"))
  const found = yield* Effect.forEach(homes, (home) => Effect.map(list(home), (names) => names.map((name) => path.join(home, name))))
  return found.flat().flatMap((folder) => {
    const [, name] = /([^/]+?)-[^/-]*\.dist-info$/u.exec(folder) ?? []
    return name === undefined ? [] : [{ folder, name }]
  })
})

/** The names of the section [console_scripts]. */
const namesIn = (text: string): ReadonlyArray<string> => {
  const [, section = ""] = /^\[console_scripts\][^\S\n]*\n((?:(?!\[).*(?:\n|$))*)/mu.exec(text) ?? []
  return section.split("\n").flatMap((line) => /^([A-Za-z0-9_][A-Za-z0-9._-]*)\s*=/u.exec(line.trim())?.[1] ?? [])
}
