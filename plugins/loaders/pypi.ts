/**
 * Loads a server from a Python package index, as wheels alone.
 *
 * What it resolves to is one exact version with everything that it brings along, each with its hash: that goes into
 * the lock, and is what gets installed, so two machines never run two things, and no package runs code to be installed.
 */
import { Effect, Path, Schema } from "effect"
import { Loader, Plugin, Policy } from "#plugin"
import { IndexUrl, PUBLIC_INDEX } from "./build/Keys.ts"
import { hashOf } from "./npm/Hash.ts"
import { commandOf } from "./python/Commands.ts"
import { listed } from "./python/Index.ts"
import { interpreterFor } from "./python/Interpreter.ts"
import { normal } from "./python/Names.ts"
import { pipFor } from "./python/Pip.ts"
import { SPECIFIER } from "./python/Specifier.ts"
import { installWheels, makeVenv, wheelsFor } from "./python/Wheels.ts"

const Name = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\[[A-Za-z0-9._-]+(?:,[A-Za-z0-9._-]+)*\])?$/u, {
    message: "expected the name of a Python package, such as mcp-server-time or mcp[cli]"
  }),
  Schema.isMaxLength(214)
)

const EXACT = /^(?:\d+!)?\d+(?:\.\d+)*(?:(?:a|b|rc)\d+)?(?:\.post\d+)?(?:\.dev\d+)?$/u

const Version = Schema.String.check(
  Schema.isPattern(/^(?:(?:~=|==|!=|<=|>=|<|>)\s*)?(?:\d+!)?\d+(?:\.\d+)*(?:(?:a|b|rc)\d+)?(?:\.post\d+)?(?:\.dev\d+)?(?:\.\*)?(?:\s*,\s*(?:~=|==|!=|<=|>=|<|>)\s*\d+(?:\.\d+)*(?:\.\*)?)*$/u, {
    message: "expected a version or a specifier, such as 1.2.3 or >=1.2,<2"
  })
)

const PypiSource = Schema.Struct({
  package: Name.annotate({ description: "Name of the package, with its extras if need be" }),
  version: Schema.optionalKey(Version.annotate({
    description: "Version or specifier, such as >=1.2,<2; the latest when left out. What is not exact is resolved once and kept in the lock"
  })),
  index_url: Schema.optionalKey(IndexUrl.annotate({
    description: "Index for the package and all its dependencies, and no other; the public one when left out"
  })),
  script: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/u, { expected: "the name of a command" })).annotate({
    description: "Which command of the package to run, when it has several and none is named like the package"
  })),
  module: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/u, { expected: "a module, such as pkg.server" })).annotate({
    description: "Module to run with python -m, instead of a command"
  })),
  python: Schema.optionalKey(Schema.String.check(Schema.isPattern(SPECIFIER, { expected: "versions of Python, such as >=3.10" })).annotate({
    description: "Versions of Python that it may run on, such as >=3.10,<3.14"
  }))
}).check(Schema.makeFilter(({ module, script }) =>
  module === undefined || script === undefined ? true : { path: ["module"], issue: "stands beside script: write one of them" }))

export default Plugin.define("loader", {
  name: "pypi",
  summary: "Installs a Python package as wheels, at exact versions with their hashes, and runs its command or module",
  config: PypiSource,
  build: Effect.fnUntraced(function*({ package: written, version = "", index_url: index = PUBLIC_INDEX, script, module, python }) {
    const path = yield* Path.Path
    const [name = ""] = written.split("[")
    const source = `pypi ${written}${version === "" ? "" : ` ${version}`}`
    const requirement = `${written}${EXACT.test(version) ? "==" : ""}${version.replaceAll(/\s/gu, "")}`
    const pipNamed = (named: string) =>
      Effect.flatMap(interpreterFor(named, python), (interpreter) => pipFor({ source: named, interpreter, index }))

    return {
      resolve: Effect.gen(function*() {
        const wheels = yield* wheelsFor(yield* pipNamed(source), [requirement])
        const [, found] = Object.keys(wheels).map((wheel) => wheel.split("==")).find(([each]) => each === normal(name)) ?? []
        if (found === undefined) return yield* new Loader.LoadFailed({ source, step: "verify", next: "check the index", cause: new Error("it gave another package") })
        const pin: Loader.Pin = { version: found, ...wheels, ...yield* dated({ source, index, name: normal(name), version: found }) }
        const digest = `pypi:${index}:${normal(written)}==${found}:${yield* hashOf(pin)}${python === undefined ? "" : ` ${python}`}`
        return { source: `pypi ${written}==${found}`, digest, pin }
      }),

      prepare: Effect.fn("pypi.prepare")(function*({ pin = {}, source: named }, directory) {
        const pip = yield* pipNamed(named)
        const venv = path.join(directory, "venv")
        yield* Effect.logInfo(`installing ${named}`)
        yield* makeVenv(pip, venv)
        yield* installWheels(pip, pin, venv)
        yield* Effect.logInfo(`installed ${named}`)
      }),

      launch: (directory, { source: named }) => commandOf({ source: named, venv: path.join(directory, "venv"), name, script, module })
    }
  })
})

interface Released {
  readonly source: string
  readonly index: string
  readonly name: string
  readonly version: string
}

/** Where an age is asked for: when the index says that the first wheel of it was uploaded. */
const dated = Effect.fnUntraced(function*({ index, name, source, version }: Released): Effect.fn.Return<Loader.Pin, never, Plugin.Lent> {
  if ((yield* Policy.latest) === undefined) return {}
  const dates = (yield* listed(index, name)).flatMap((wheel) => wheel.version === version && wheel.uploaded !== undefined ? [wheel.uploaded] : [])
  const [first] = dates.toSorted()
  if (first === undefined) yield* Effect.logWarning(`${source}: the index says no date, so minimum_release_age is not known to be kept`)
  return { released: first ?? "no date" }
})
