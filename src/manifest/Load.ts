/**
 * Files, environment and command line to one decoded manifest. It fails with
 * every mistake there is, so that nobody fixes a file one error at a time.
 */
import { Effect, FileSystem, Path as Paths, Result, type Schema } from "effect"
import { problemsOfAccess } from "./AccessProblems.ts"
import { mergeMappings, repeatedServers } from "./Cascade.ts"
import { decode, withOwnTypes } from "./Decode.ts"
import { type EffectiveValue, effectiveOf } from "./Effective.ts"
import { forbiddenVariables } from "./Environment.ts"
import { mistakesIn } from "./Explain.ts"
import { Manifest } from "./Manifest.ts"
import { overrideByEnvironment, overrideBySet } from "./Overrides.ts"
import { ManifestInvalid, type Problem } from "./Problem.ts"
import { resolveReferences } from "./References.ts"
import { problemAt, problemFrom, type Said } from "./Report.ts"
import { type Read, readSource } from "./Source.ts"
import { limits } from "./SourceNodes.ts"
import { type Mapping, type Path, serverPath, type Tree } from "./Tree.ts"

export interface Sources {
  /** Later files override earlier ones. */
  readonly files: ReadonlyArray<string>
  readonly environment: Readonly<Record<string, string | undefined>>
  /** `routing.timeout=10s`, in the order given. */
  readonly set: ReadonlyArray<string>
}

/** What the files, the environment and the command line come to, right or wrong. */
export interface Draft {
  readonly directory: string
  readonly files: ReadonlyArray<string>
  /** The merged manifest with positions; empty where a file could not be read at all. */
  readonly tree: Tree
  /** Absent when there are problems. */
  readonly manifest?: Manifest
  readonly problems: ReadonlyArray<Problem>
}

export interface Loaded extends Draft {
  readonly manifest: Manifest
  /** The folder of the first file, absolute; relative paths in the manifest start here. */
  readonly directory: string
  /** As they were named. */
  readonly files: ReadonlyArray<string>
  readonly effective: ReadonlyArray<EffectiveValue>
  /** The path of a server in the manifest, for `problemAt` and `problemsOf`. */
  readonly serverPath: (id: string) => Path
  readonly problemAt: (path: Path, said: Said) => Problem
}

/** What a plugin's schema found wrong in its part of the manifest at `base`, each mistake at its line. */
export const problemsOf = (
  loaded: Pick<Loaded, "tree">,
  base: Path,
  error: Schema.SchemaError
): ReadonlyArray<Problem> => mistakesIn(error.issue).map((mistake) => problemFrom(loaded.tree, { ...mistake, path: [...base, ...mistake.path] }))

const readFile = Effect.fnUntraced(function*(file: string): Effect.fn.Return<Read, never, FileSystem.FileSystem> {
  const files = yield* FileSystem.FileSystem
  const refuse = (message: string): Read => ({ problems: [{ file, line: 0, column: 0, path: "", message }] })
  const stat = yield* Effect.option(files.stat(file))
  if (stat._tag === "None") return refuse("there is no such file")
  if (stat.value.type === "Directory") return refuse("is a folder, not a file")
  if (stat.value.size > BigInt(limits.bytes)) return refuse("is larger than 1 MiB")
  const text = yield* Effect.option(files.readFileString(file))
  return text._tag === "None" ? refuse("cannot be read") : readSource(text.value, file)
})

/** Everything that can be known of a manifest without its plugins, mistakes included. */
export const draft = Effect.fn("Manifest.draft")((sources: Sources) =>
  Effect.flatMap(Effect.forEach(sources.files, readFile), (reads) => draftOf(reads, sources)))

/** The same from files that have been read already, by whatever holds them. */
export const draftOf = Effect.fnUntraced(function*(
  reads: ReadonlyArray<Read>,
  { environment, files, set }: Sources
): Effect.fn.Return<Draft, never, FileSystem.FileSystem | Paths.Path> {
  const paths = yield* Paths.Path
  const directory = paths.dirname(paths.resolve(files[0] ?? "."))
  const trees = reads.flatMap(({ tree }) => tree === undefined ? [] : [tree])
  const inFiles = [...reads.flatMap(({ problems }) => problems), ...trees.flatMap(repeatedServers)]
  const [first, ...others] = trees
  if (first === undefined || trees.length < reads.length) {
    return { directory, files, tree: nothing, problems: inOrder(files, inFiles) }
  }

  const merged = others.reduce((base: Mapping, over) => mergeMappings(base, over), first)
  const inEnvironment = overrideByEnvironment(merged, environment)
  const inSet = overrideBySet(inEnvironment.tree, set)
  const resolved = yield* resolveReferences(inSet.tree, { environment, directory })
  const outside = [
    ...inFiles,
    ...inEnvironment.problems,
    ...inSet.problems,
    ...resolved.problems,
    ...forbiddenVariables(resolved.tree),
    ...problemsOfAccess(resolved.tree)
  ]
  const decoded = decode(Manifest, withOwnTypes(resolved.tree))
  if (Result.isFailure(decoded)) {
    return { directory, files, tree: resolved.tree, problems: inOrder(files, [...outside, ...decoded.failure]) }
  }
  const { tree, value: manifest } = decoded.success
  return { directory, files, tree, problems: inOrder(files, outside), ...(outside.length === 0 ? { manifest } : {}) }
})

/** The draft with its manifest, or every mistake in it. */
export const loaded = (draft: Draft): Effect.Effect<Loaded, ManifestInvalid> => {
  const { files, manifest, problems, tree } = draft
  if (manifest === undefined || problems.length > 0) return Effect.fail(new ManifestInvalid({ problems: inOrder(files, problems) }))
  return Effect.succeed({
    ...draft,
    manifest,
    effective: effectiveOf(tree),
    serverPath: (id) => serverPath(tree, id),
    problemAt: (path, said) => problemAt(tree, path, said)
  })
}

export const load = Effect.fn("Manifest.load")((sources: Sources) => Effect.flatMap(draft(sources), loaded))

/** Of two mistakes at one place the first stands: a reference that failed, then the value it did not give. */
const inOrder = (files: ReadonlyArray<string>, problems: ReadonlyArray<Problem>): ReadonlyArray<Problem> => {
  const layers = [...files, "environment", "--set"]
  const rank = ({ file }: Problem) => layers.indexOf(file)
  const places = new Map<string, Problem>()
  for (const problem of problems) {
    const { column, file, line, message, path, suggestion } = problem
    const key = `${file}:${line}:${column}:${suggestion ?? (path === "" ? message : path)}`
    if (!places.has(key)) places.set(key, problem)
  }
  return [...places.values()].sort((a, b) => rank(a) - rank(b) || a.line - b.line || a.column - b.column)
}

const nothing: Tree = { _tag: "Mapping", at: { file: "", line: 0, column: 0 }, entries: new Map() }
