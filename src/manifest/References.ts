/**
 * Replaces the references of a merged tree by what they name. It runs after the
 * merge, so a value that was overridden is not asked for; values only, never keys.
 * The vault is asked last and at most once, because it stands on what `hosting` says.
 */
import { Effect, FileSystem, Path as Paths, Redacted } from "effect"
import type { Problem } from "./Problem.ts"
import { type Part, parseReferences } from "./Reference.ts"
import { SecretLookup } from "./SecretLookup.ts"
import { child, type Entry, nodeAt, type Path, type Scalar, sayPath, type Tree } from "./Tree.ts"
import { vaultPlaceOf } from "./VaultPlace.ts"

export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The manifest's folder, for `${file:...}` with a relative path. */
  readonly directory: string
}

/** A secret file is read whole; this keeps a wrong path (a device, a log) from filling the memory. */
const largestFile = 64 * 1024

type Answer = { readonly text: string } | { readonly message: string }

const fileText = Effect.fnUntraced(function*(path: string, directory: string): Effect.fn.Return<
  Answer,
  never,
  FileSystem.FileSystem | Paths.Path
> {
  const files = yield* FileSystem.FileSystem
  const paths = yield* Paths.Path
  const full = paths.resolve(directory, path)
  const size = yield* Effect.option(files.stat(full))
  if (size._tag === "None" || size.value.type !== "File") return { message: `there is no file "${path}" to read` }
  if (size.value.size > BigInt(largestFile)) return { message: `the file "${path}" is larger than 64 KiB` }
  const text = yield* Effect.option(files.readFileString(full))
  if (text._tag === "None") return { message: `the file "${path}" cannot be read` }
  return { text: text.value.replace(/\r?\n$/u, "") }
})

/** What the vault gave, or why it stays shut; it is not asked where nothing refers to it. */
type Secrets = { readonly found: ReadonlyMap<string, Redacted.Redacted<string>> } | { readonly message: string }

const answerTo = Effect.fnUntraced(function*(part: Part, { directory, environment }: Surroundings, secrets: Secrets) {
  switch (part._tag) {
    case "Text":
      return { text: part.text }
    case "Environment": {
      const value = environment[part.name]
      if (part.fallback !== undefined) return { text: value === undefined || value === "" ? part.fallback : value }
      return value === undefined ? { message: `the environment variable ${part.name} is not set` } : { text: value }
    }
    case "File":
      return yield* fileText(part.path, directory)
    case "Secret":
      return secretText(part.name, secrets)
    case "Broken":
      return { message: part.message }
  }
})

const secretText = (name: string, secrets: Secrets): Answer => {
  if ("message" in secrets) return secrets
  const value = secrets.found.get(name)
  return value === undefined
    ? { message: `there is no secret "${name}" in the vault; put it there with: manifold secrets set ${name}` }
    : { text: Redacted.value(value) }
}

/** A server that is switched off needs nothing that only it would have used. */
const isOff = (root: Tree, [first, index = ""]: Path): boolean => {
  const enabled = first === "servers" ? nodeAt(root, [first, index, "enabled"]) : undefined
  return enabled?._tag === "Scalar" && String(enabled.value) === "false"
}

/** The secrets that a tree asks for; `hosting` may not, since it says where the vault is. */
const secretNames = (root: Tree, node: Tree, path: Path = []): ReadonlyArray<string> => {
  if (path[0] === "hosting" || isOff(root, path)) return []
  switch (node._tag) {
    case "Scalar":
      return typeof node.value === "string" ? parseReferences(node.value).flatMap((part) => part._tag === "Secret" ? [part.name] : []) : []
    case "Sequence":
      return node.items.flatMap((item, index) => secretNames(root, item, [...path, index]))
    case "Mapping":
      return [...node.entries].flatMap(([key, { value }]) => secretNames(root, value, [...path, key]))
  }
}

const inHosting: Secrets = { message: "hosting cannot refer to the vault, because it says where the vault is" }
const none: Secrets = { found: new Map() }

const askVault = Effect.fnUntraced(function*(root: Tree, surroundings: Surroundings) {
  const names = [...new Set(secretNames(root, root))]
  if (names.length === 0) return none
  const hosting = child(root, "hosting")
  const resolved = hosting === undefined ? [] : [["hosting", { keyAt: hosting.at, value: (yield* resolve(hosting, surroundings, () => inHosting)).tree }] as const]
  const place = yield* vaultPlaceOf({ _tag: "Mapping", at: root.at, entries: new Map(resolved) }, surroundings.directory)
  if (place === undefined) return { message: "the vault cannot be found before the mistakes in hosting are gone" }
  const lookup = yield* SecretLookup
  return yield* lookup(place, names).pipe(
    Effect.match({ onFailure: (message): Secrets => ({ message }), onSuccess: (found) => ({ found }) })
  )
})

export const resolveReferences = Effect.fnUntraced(function*(root: Tree, surroundings: Surroundings) {
  const secrets = yield* askVault(root, surroundings)
  return yield* resolve(root, surroundings, ([first]) => first === "hosting" ? inHosting : secrets)
})

const resolve = Effect.fnUntraced(function*(root: Tree, surroundings: Surroundings, secretsAt: (path: Path) => Secrets) {
  const problems: Array<Problem> = []

  const scalar = Effect.fnUntraced(function*(node: Scalar, path: Path) {
    if (typeof node.value !== "string" || !node.value.includes("${")) return node
    const parts = parseReferences(node.value)
    const answers = yield* Effect.forEach(parts, (part) => answerTo(part, surroundings, secretsAt(path)))
    for (const answer of answers) {
      if ("message" in answer && !isOff(root, path)) problems.push({ ...node.at, path: sayPath(root, path), message: answer.message })
    }
    const text = answers.map((answer) => "text" in answer ? answer.text : "").join("")
    if (parts.every((part) => part._tag === "Text")) return { ...node, value: text }
    return { ...node, value: text, reference: node.value, loose: true } satisfies Scalar
  })

  const walk = (node: Tree, path: Path): Effect.Effect<Tree, never, FileSystem.FileSystem | Paths.Path> => {
    switch (node._tag) {
      case "Scalar":
        return scalar(node, path)
      case "Sequence":
        return Effect.map(
          Effect.forEach(node.items, (item, index) => walk(item, [...path, index])),
          (items) => ({ ...node, items })
        )
      case "Mapping":
        return Effect.map(
          Effect.forEach(node.entries, ([key, entry]) =>
            Effect.map(walk(entry.value, [...path, key]), (value): [string, Entry] => [key, { ...entry, value }])),
          (entries) => ({ ...node, entries: new Map(entries) })
        )
    }
  }

  const tree = yield* walk(root, [])
  return { tree, problems }
})
