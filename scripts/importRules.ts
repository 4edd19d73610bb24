/**
 * The import rules of DESIGN.md ("Imports go one way"), over src/ and plugins/.
 * Type imports count too: a wrong edge is wrong whatever it carries.
 */
import { readdirSync, readFileSync } from "node:fs"
import { isBuiltin } from "node:module"
import { dirname, join, normalize, relative, sep } from "node:path"

export interface Source {
  /** Path from the root of the repository, with slashes. */
  readonly path: string
  readonly text: string
}

/** An import may go to an earlier row, or within its own row unless a rule below says no. */
const rows: ReadonlyArray<ReadonlyArray<string>> = [
  ["lib", "plugin", "manifest", "store"],
  ["host", "vault", "observe", "guard"],
  ["backend", "oauth"],
  ["catalogue"],
  ["router", "reconcile", "pipeline"],
  ["mcp", "admin"],
  ["Gateway"],
  ["cli", "worker"],
  ["main"]
]
const fronts = new Set(["mcp", "oauth", "admin"])
const revision = /["'`](?:2024-10-07|2024-11-05|2025-03-26|2025-06-18|2025-11-25|2026-07-28)["'`]/u
const imported = /^\s*(?:import|export)\b[^"';]*?from\s*["']([^"']+)["']|^\s*import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gmu
const comment = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gmu

const rowOf = (part: string) => rows.findIndex((row) => row.includes(part))

/** The folder below src/, or the name of a file that lies in src/ itself (`Gateway.node.ts` counts as `Gateway`). */
const partOf = (path: string) => path.split("/")[1]?.replace(/(?:\.node)?\.ts$/u, "") ?? ""

const mayUseNode = (path: string) =>
  /^src\/(?:main\.ts$|cli\/|store\/|backend\/transport\/)|\.node\.ts$/u.test(path) || path.startsWith("plugins/")

const targetOf = (path: string, specifier: string): string | undefined => {
  if (specifier === "#plugin") return "src/plugin/index.ts"
  return specifier.startsWith(".") ? normalize(join(dirname(path), specifier)) : undefined
}

const specifiersOf = (text: string) =>
  [...text.matchAll(imported)].map(([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? "")

const packageMistake = (path: string, specifier: string): string | undefined => {
  if (isBuiltin(specifier) && !mayUseNode(path)) return `${path}: ${specifier} belongs in a *.node.ts file`
  if (path.startsWith("src/lib/") && specifier.split("/")[0] !== "effect" && !isBuiltin(specifier)) {
    return `${path}: lib imports effect only, not ${specifier}`
  }
  return undefined
}

const edgeMistake = (path: string, target: string): string | undefined => {
  const wrong = (why: string) => `${path} -> ${target}: ${why}`
  if (path.startsWith("plugins/")) {
    const allowed = target.startsWith("plugins/") || target === "src/plugin/index.ts"
    return allowed ? undefined : wrong("a plugin imports #plugin, effect and its own dependency")
  }
  const from = partOf(path)
  if (target.startsWith("plugins/")) {
    return from === "main" || from === "worker" ? undefined : wrong("only main.ts and worker.ts import plugins")
  }
  if (!target.startsWith("src/")) return target === "package.json" ? undefined : wrong("src imports src only")
  const to = partOf(target)
  if (rowOf(from) === -1) return `${path}: "${from}" has no place in the rows of scripts/importRules.ts`
  if (from === to) return undefined
  if (from === "lib") return wrong("lib imports effect only")
  if (fronts.has(from) && fronts.has(to)) return wrong("fronts never import each other; they meet in services")
  return rowOf(to) > rowOf(from) ? wrong(`${from} stands below ${to}`) : undefined
}

/** The first cycle that a depth-first walk meets, as the names along it. */
export const cycleIn = (edges: ReadonlyMap<string, ReadonlySet<string>>): ReadonlyArray<string> | undefined => {
  const done = new Set<string>()
  const walk = (at: string, trail: ReadonlyArray<string>): ReadonlyArray<string> | undefined => {
    if (trail.includes(at)) return [...trail.slice(trail.indexOf(at)), at]
    if (done.has(at)) return undefined
    for (const next of edges.get(at) ?? []) {
      const cycle = walk(next, [...trail, at])
      if (cycle !== undefined) return cycle
    }
    done.add(at)
    return undefined
  }
  for (const start of edges.keys()) {
    const cycle = walk(start, [])
    if (cycle !== undefined) return cycle
  }
  return undefined
}

/** Every broken rule, as a sentence each. */
export const mistakesIn = (sources: ReadonlyArray<Source>): ReadonlyArray<string> => {
  const mistakes: Array<string> = []
  const files = new Map<string, Set<string>>()
  const folders = new Map<string, Set<string>>()
  for (const { path, text } of sources) {
    const code = text.replaceAll(comment, "")
    const found = specifiersOf(code).map((specifier) => {
      const target = targetOf(path, specifier)
      if (target === undefined) return packageMistake(path, specifier)
      files.set(path, (files.get(path) ?? new Set()).add(target))
      if (path.startsWith("src/") && partOf(path) !== partOf(target)) {
        folders.set(partOf(path), (folders.get(partOf(path)) ?? new Set()).add(partOf(target)))
      }
      return edgeMistake(path, target)
    })
    mistakes.push(...found.filter((mistake) => mistake !== undefined))
    if (path.startsWith("src/") && !/^src\/(?:mcp\/revision|backend)\//u.test(path) && revision.test(code)) {
      mistakes.push(`${path}: protocol dates stand only in mcp/revision/ and backend/`)
    }
  }
  const cycle = cycleIn(files) ?? cycleIn(folders)
  if (cycle !== undefined) mistakes.push(`cycle: ${cycle.join(" -> ")}`)
  return mistakes
}

const sourcesOf = (root: string): ReadonlyArray<Source> =>
  ["src", "plugins"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => ({ path: relative(root, path).split(sep).join("/"), text: readFileSync(path, "utf8") }))
  )

if (import.meta.main) {
  const sources = sourcesOf(process.cwd())
  const mistakes = mistakesIn(sources)
  for (const mistake of mistakes) console.error(mistake)
  console.log(`${sources.length} files, ${mistakes.length} broken import rules`)
  process.exitCode = mistakes.length === 0 ? 0 : 1
}
