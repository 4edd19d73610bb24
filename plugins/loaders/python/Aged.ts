/**
 * What requirements come to when nothing may be younger than an age: pip is asked, what is too young is forbidden to it, and
 * it is asked again. That takes no newer pip than there is. What the index does not date is taken.
 */
import { Effect, FileSystem, Path } from "effect"
import { Loader, Plugin } from "#plugin"
import { chosenFor } from "./Chosen.ts"
import { hashesIn, listed, type Wheel } from "./Index.ts"
import type { Pip } from "./Pip.ts"

/** Each round forbids all young versions of the packages that were chosen, so that few are enough. */
const MOST_ROUNDS = 12

const VERSION = /^[0-9A-Za-z.!+]+$/u

/** @param latest the last moment at which a wheel may have been uploaded, in milliseconds since 1970 */
export const agedFor = Effect.fnUntraced(function*(pip: Pip, requirements: ReadonlyArray<string>, latest: number): Effect.fn.Return<Record<string, string>, Loader.LoadFailed, Plugin.Lent> {
  const isOld = ({ uploaded }: Wheel) => !(Date.parse(uploaded ?? "") > latest)
  const forbidden = new Map<string, ReadonlySet<string>>()
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const chosen = yield* Effect.mapError(chosenWithout(pip, requirements, forbidden), (failure) => forbidden.size === 0 ? failure : tooYoung(pip, forbidden))
    const pages = yield* Effect.forEach(chosen, ([wheel, hash]) =>
      Effect.map(listed(pip.index, nameOf(wheel)), (all) => ({ wheel, hash, all })), { concurrency: 8 })
    const young = pages.filter(({ all, hash }) => {
      const same = all.filter((each) => each.hash === hash)
      return same.length > 0 && !same.some(isOld)
    })
    if (young.length === 0) return Object.fromEntries(pages.map(({ all, hash, wheel }) => [wheel, hashesIn(all.filter(isOld), wheel, hash)]))
    for (const { all, wheel } of young) {
      const old = new Set(all.filter(isOld).map(({ version }) => version))
      const versions = all.map(({ version }) => version).filter((version) => !old.has(version) && VERSION.test(version))
      forbidden.set(nameOf(wheel), new Set([...forbidden.get(nameOf(wheel)) ?? [], ...versions, wheel.split("==")[1] ?? ""]))
    }
  }
  return yield* tooYoung(pip, forbidden)
})

const nameOf = (wheel: string) => wheel.split("==", 1)[0] ?? ""

/** A file, since pip takes constraints as nothing else. */
const chosenWithout = Effect.fnUntraced(function*(pip: Pip, requirements: ReadonlyArray<string>, forbidden: ReadonlyMap<string, ReadonlySet<string>>) {
  if (forbidden.size === 0) return yield* chosenFor(pip, requirements)
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { workspace } = yield* Plugin.Host
  const refused = (cause: unknown) => new Loader.LoadFailed({ source: pip.source, step: "write constraints", next: "check the data directory", cause })
  const folder = yield* Effect.mapError(files.makeTempDirectoryScoped({ directory: workspace, prefix: "constraints-" }), refused)
  const file = path.join(folder, "constraints.txt")
  const lines = [...forbidden].map(([name, versions]) => `${name}${[...versions].map((version) => `!=${version}`).join(",")}\n`)
  yield* Effect.mapError(files.writeFileString(file, lines.join("")), refused)
  return yield* chosenFor(pip, [`--constraint=${file}`, ...requirements])
}, Effect.scoped)

const tooYoung = ({ source }: Pip, forbidden: ReadonlyMap<string, ReadonlySet<string>>) =>
  new Loader.LoadFailed({
    source,
    step: "check its age",
    next: "wait, ask for an older version, or write a shorter minimum_release_age",
    cause: new Error(`nothing fits without ${[...forbidden].flatMap(([name, versions]) => [...versions].map((version) => `${name} ${version}`)).slice(0, 5).join(", ")}, which minimum_release_age does not take yet`)
  })
