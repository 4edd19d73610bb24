/**
 * A package with all that it brings along, each by its version and the hashes its wheels may have: asked for
 * once, kept in the pin, and installed from there without another question.
 */
import { Effect, FileSystem, Path } from "effect"
import { Builder, Loader, Policy } from "#plugin"
import { agedFor } from "./Aged.ts"
import { type Chosen, chosenFor, SHA256, WHEEL } from "./Chosen.ts"
import { hashesIn, listed } from "./Index.ts"
import { ENVIRONMENT, installOptions, type Pip, runPip } from "./Pip.ts"
import { installedByUv } from "./Uv.ts"

/** Asks the index what requirements come to; installs nothing. A folder among them is what is built itself, and is left out. */
export const wheelsFor = Effect.fnUntraced(function*(pip: Pip, requirements: ReadonlyArray<string>) {
  const latest = yield* Policy.latest
  return latest === undefined ? yield* hashed(pip, yield* chosenFor(pip, requirements)) : yield* agedFor(pip, requirements, latest)
})

const hashed = Effect.fnUntraced(function*({ index }: Pip, chosen: Chosen) {
  const wheels = yield* Effect.forEach(chosen, ([wheel, hash]) =>
    Effect.map(listed(index, wheel.split("==", 1)[0] ?? ""), (all) => [wheel, hashesIn(all, wheel, hash)] as const), { concurrency: 8 })
  return Object.fromEntries(wheels)
})

/** What of a pin is wheels. */
export const wheelsIn = (pin: Loader.Pin): ReadonlyArray<readonly [wheel: string, hash: string]> => Object.entries(pin).filter(([key]) => WHEEL.test(key))

/** An empty environment; pip is not in it. */
export const makeVenv = Effect.fnUntraced(function*({ interpreter, source }: Pip, venv: string) {
  const path = yield* Path.Path
  yield* Builder.run({
    source,
    step: "python -m venv",
    command: interpreter.command,
    args: ["-I", "-m", "venv", "--without-pip", venv],
    directory: path.dirname(venv),
    environment: ENVIRONMENT
  })
  return path.join(venv, "bin", "python")
})

/** Installs exactly these wheels into an environment, each of which has to have its hash. */
export const installWheels = Effect.fnUntraced(function*(pip: Pip, pin: Loader.Pin, venv: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const wheels = wheelsIn(pin)
  if (wheels.length === 0) return
  const odd = wheels.find(([, hash]) => !SHA256.test(hash))
  if (odd !== undefined) return yield* failed(pip, "read the lock", "write it anew with manifold lock")(new Error(`${odd[0]} has no sha256`))
  const list = path.join(venv, "requirements.txt")
  yield* Effect.mapError(
    files.writeFileString(list, wheels.map(([wheel, hashes]) => `${wheel} --hash=${hashes.replaceAll(" ", " --hash=")}\n`).join("")),
    failed(pip, "write requirements.txt", "check the data directory")
  )
  const python = path.join(venv, "bin", "python")
  if (yield* installedByUv(pip, list, python)) return
  yield* runPip(pip, ["install", "--no-deps", "--require-hashes", ...installOptions(pip), `--requirement=${list}`], python)
})

const failed = ({ source }: Pip, step: string, next: string) => (cause: unknown) => new Loader.LoadFailed({ source, step, next, cause })
