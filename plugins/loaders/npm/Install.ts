/**
 * One package and all that it brings along into an empty folder, exactly as the pin says: `npm ci`, which checks every
 * hash and runs no script. Those that the manifest allows run afterwards, package by package, with no secret around.
 */
import { Effect } from "effect"
import type { Loader } from "#plugin"
import { closureOf, integrityIn, packagesIn, type Wanted, writeClosure } from "./Closure.ts"
import { failed, runNpm } from "./Npm.ts"

/** Installs and gives what the pin is from now on. */
export const install = Effect.fn("npm.install")(function*(wanted: Wanted, pin: Loader.Pin) {
  const { name, version } = wanted
  const hasClosure = yield* writeClosure(wanted, pin)
  const known = hasClosure ? pin : yield* closureOf(wanted)
  const expected = pin["integrity"]
  const integrity = integrityIn(known, name)
  if (expected !== undefined && integrity !== expected) {
    return yield* failed(wanted, "verify", "the package was changed: find out why before you change the integrity")(
      new Error(`integrity is ${integrity}, expected ${expected}`)
    )
  }
  yield* Effect.logInfo(`installing ${name}@${version}`)
  yield* runNpm(wanted, "ci", [])
  const foreign = wanted.scripts.find((script) => !packagesIn(known).some((each) => each.name === script))
  if (foreign !== undefined) {
    return yield* failed(wanted, "run install scripts", "correct allow_scripts")(new Error(`${foreign} is not among what it brings along`))
  }
  for (const script of wanted.scripts) {
    yield* Effect.logInfo(`running the install scripts of ${script}, for ${name}@${version}`)
    yield* runNpm(wanted, "rebuild", ["--ignore-scripts=false", "--", script])
  }
  yield* Effect.logInfo(`installed ${name}@${version}`)
  return known
})
