/**
 * A bundle's files into an empty folder. Nothing lands outside of it, nothing is a link, and an archive that unpacks to
 * far more than it is (a zip bomb) is refused while it is read, whatever it says of itself.
 */
import { Effect, FileSystem, Path, Stream } from "effect"
import { Zip } from "effect/encoding"
import { Loader } from "#plugin"
import { type Contents, contentsOf, MOST_FILES } from "./Contents.ts"

/** Most that a bundle unpacks to, in bytes, and how many times its own size that may be once it is more than a little. */
const MOST_BYTES = 1024 * 1024 * 1024
const MOST_TIMES = 100
const LITTLE = 16 * 1024 * 1024

const LONGEST_PATH = 1024
const LONGEST_NAME = 255

const failed = (source: string) => (cause: unknown) =>
  new Loader.LoadFailed({ source, step: "unpack the bundle", next: "do not use this bundle", cause })

/** @param file the archive; its hash has been checked */
export const unpack = Effect.fn("mcpb.unpack")(function*(source: string, file: string, directory: string) {
  const files = yield* FileSystem.FileSystem
  const found = yield* contentsOf(file)
  if ("refused" in found) return yield* failed(source)(new Error(found.refused))
  const own = Number((yield* files.stat(file)).size)
  const most = Math.min(MOST_BYTES, Math.max(LITTLE, own * MOST_TIMES))
  const count = { files: 0, bytes: 0 }
  const counted = (chunk: Uint8Array) => {
    count.bytes += chunk.length
    return count.bytes <= most ? Effect.void : failed(source)(new Error(`it unpacks to more than ${most} bytes, and has ${own} itself`))
  }
  yield* files.stream(file).pipe(
    Stream.pipeThroughChannel(Zip.decode()),
    Stream.runForEach(Effect.fnUntraced(function*({ body, header }) {
      if (++count.files > MOST_FILES) return yield* failed(source)(new Error(`it has more than ${MOST_FILES} files`))
      yield* placed({ source, directory, contents: found.contents, path: header.path, isFolder: header.type === "Directory", body: Stream.tap(body, counted) })
    }))
  )
  if (count.files !== found.contents.size) return yield* failed(source)(new Error("its list of contents names other files than it has"))
}, (effect, source) => Effect.mapError(effect, (cause) => cause instanceof Loader.LoadFailed ? cause : failed(source)(cause)))

interface Placing<E> {
  readonly source: string
  readonly directory: string
  readonly contents: Contents
  readonly path: string
  readonly isFolder: boolean
  readonly body: Stream.Stream<Uint8Array, E>
}

const placed = Effect.fnUntraced(function*<E>({ body, contents, directory, isFolder, path: name, source }: Placing<E>) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const listed = contents.get(name)
  if (listed === undefined) return yield* failed(source)(new Error(`its list of contents lacks ${JSON.stringify(name)}`))
  if (!isPlain(isFolder ? name.slice(0, -1) : name)) return yield* failed(source)(new Error(`it has a file at ${JSON.stringify(name.slice(0, 200))}`))
  const place = path.join(directory, name)
  if (isFolder) {
    // What it holds is read in any case, so it counts.
    yield* Stream.runDrain(body)
    return yield* files.makeDirectory(place, { recursive: true, mode: 0o700 })
  }
  yield* files.makeDirectory(path.dirname(place), { recursive: true, mode: 0o700 })
  // What is there already is not written to.
  yield* Stream.run(body, files.sink(place, { flag: "wx", mode: listed.isProgram ? 0o700 : 0o600 }))
})

/** Whether a path lies in the folder that it starts from, on every system. */
export const isPlain = (path: string): boolean =>
  path.length <= LONGEST_PATH && path.split("/").every((name) =>
    name !== "" && name !== "." && name !== ".." && name.length <= LONGEST_NAME && !/[\\:\p{Cc}]/u.test(name))
