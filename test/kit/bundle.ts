/** MCP bundles made for a test, good ones and archives that nobody should unpack. */
import { createHash } from "node:crypto"
import { Effect, Stream } from "effect"
import { Zip } from "effect/encoding"

export interface BundleFile {
  readonly path: string
  readonly text: string
  readonly mode?: number
}

/** A zip archive; paths go in as they are. */
export const zipOf = (files: ReadonlyArray<BundleFile>): Effect.Effect<Buffer> =>
  Stream.fromIterable(files.map(({ mode, path, text }) => Zip.file(path, text, mode === undefined ? {} : { mode }))).pipe(
    Stream.pipeThroughChannel(Zip.encode()),
    Stream.runCollect,
    Effect.map((chunks) => Buffer.concat([...chunks])),
    Effect.orDie
  )

/** @param manifest what matters of manifest.json: `server`, `user_config`, `compatibility` */
export const bundleOf = (manifest: object, files: ReadonlyArray<BundleFile>): Effect.Effect<Buffer> =>
  zipOf([{ path: "manifest.json", text: JSON.stringify({ manifest_version: "0.3", name: "bundled", version: "1.2.3", description: "for tests", author: { name: "tests" }, ...manifest }) }, ...files])

export const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

/** The same archive, in which a path is another one of the same length. */
export const withPath = (bytes: Buffer, path: string, other: string): Buffer => Buffer.from(bytes.toString("latin1").replaceAll(path, other), "latin1")

/** The same archive, whose list of contents says that an entry is of another kind (0o120000 is a link). */
export const withKind = (bytes: Buffer, path: string, kind: number): Buffer => {
  const changed = Buffer.from(bytes)
  const at = changed.lastIndexOf(path) - 46
  changed.writeUInt16LE(kind | 0o777, at + 40)
  return changed
}
