/**
 * One commit's files into an empty folder. The repository itself lies elsewhere and is gone afterwards; nothing
 * of it is executed, and one that is too large is refused before it fills the disk.
 */
import { Effect, FileSystem, Path } from "effect"
import { Loader, Plugin } from "#plugin"
import { git, type Remote } from "./Command.ts"

/** Most that a repository may send or unpack to, in bytes, and most files. */
const MOST_BYTES = 512 * 1024 * 1024
const MOST_FILES = 50_000

const NOT_BY_COMMIT = /unadvertised object|not our ref|does not allow request|not found in upstream|upload-pack: not our ref/iu

export interface Asked {
  readonly remote: Remote
  readonly commit: string
  /** The branch or tag that the commit was found by; all branches without it. */
  readonly ref: string | undefined
}

export const checkout = Effect.fn("git.checkout")(function*({ commit, ref, remote }: Asked, target: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { workspace } = yield* Plugin.Host
  const failed = (cause: unknown) => failure(remote, "git checkout", "check the data directory")(cause)
  const home = yield* files.makeTempDirectoryScoped({ directory: workspace, prefix: "git-" }).pipe(Effect.mapError(failed))
  const run = (...args: ReadonlyArray<string>) => git(remote, target, [`--git-dir=${home}`, `--work-tree=${target}`, ...args])

  yield* run("init", "--quiet", "--template=", ...(commit.length === 64 ? ["--object-format=sha256"] : []))
  yield* files.makeDirectory(path.join(home, "info"), { recursive: true }).pipe(
    // Above every .gitattributes of the repository, so that no filter, conversion or substitution is asked for.
    Effect.andThen(files.writeFileString(path.join(home, "info", "attributes"), "* -text -eol -filter -ident -working-tree-encoding\n")),
    Effect.mapError(failed)
  )
  const fetch = (...args: ReadonlyArray<string>) =>
    Effect.raceFirst(
      run("fetch", "--quiet", "--no-tags", "--no-write-commit-graph", "--no-auto-maintenance", ...args),
      grownTooLarge(remote, path.join(home, "objects", "pack"))
    )
  yield* fetch("--depth=1", "--", remote.url, commit).pipe(
    Effect.catchIf(({ message }) => NOT_BY_COMMIT.test(message), () =>
      fetch("--", remote.url, ref ?? "+refs/heads/*:refs/heads/fetched/*"))
  )
  yield* refuseLarge(remote, yield* run("ls-tree", "-r", "-l", "-z", "--full-tree", commit))
  yield* run("checkout", "--quiet", "--force", "--detach", commit)
  const head = (yield* run("rev-parse", "--verify", "HEAD")).trim()
  if (head !== commit) return yield* failure(remote, "verify", "the server gave another commit: do not use it")(new Error(`got ${head}, expected ${commit}`))
}, Effect.scoped)

/** Fails when what has arrived is too much; never ends else. */
const grownTooLarge = Effect.fnUntraced(function*(remote: Remote, folder: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const sizeOf = (name: string) => Effect.orElseSucceed(Effect.map(files.stat(path.join(folder, name)), ({ size }) => Number(size)), () => 0)
  while (true) {
    yield* Effect.sleep("250 millis")
    const names = yield* Effect.orElseSucceed(files.readDirectory(folder), () => [])
    const sizes = yield* Effect.forEach(names, sizeOf)
    if (sizes.reduce((sum, size) => sum + size, 0) > MOST_BYTES) return yield* tooLarge(remote, `sends more than ${MOST_BYTES} bytes`)
  }
})

const refuseLarge = Effect.fnUntraced(function*(remote: Remote, listing: string) {
  const entries = listing.split("\0").filter((entry) => entry !== "")
  if (entries.length > MOST_FILES) return yield* tooLarge(remote, `has ${entries.length} files, more than ${MOST_FILES}`)
  const bytes = entries.reduce((sum, entry) => sum + (Number(/^\d+ \w+ [0-9a-f]+ +(\d+)\t/u.exec(entry)?.[1]) || 0), 0)
  if (bytes > MOST_BYTES) return yield* tooLarge(remote, `unpacks to ${bytes} bytes, more than ${MOST_BYTES}`)
  const submodules = entries.filter((entry) => entry.startsWith("160000 ")).length
  if (submodules > 0) yield* Effect.logWarning(`${remote.source}: ${submodules} submodules are left out`)
})

const tooLarge = (remote: Remote, why: string) => failure(remote, "check its size", "load a smaller repository")(new Error(`it ${why}`))

const failure = ({ source }: Remote, step: string, next: string) => (cause: unknown) => new Loader.LoadFailed({ source, step, next, cause })
