/** What plugins say about their own parts of the manifest, at the lines where it stands. */
import { Predicate } from "effect"
import type { Problem } from "./Problem.ts"
import { problemAt, problemFrom } from "./Report.ts"
import { commonKeys } from "./Server.ts"
import { signInKeys } from "./SignIn.ts"
import { upstreamKeys } from "./AuthorizationServer.ts"
import { child, type Path, plain, serversOf, textAt, type Tree } from "./Tree.ts"

/** A plugin's mistake; its path starts at the plugin's part. */
export interface PartMistake {
  readonly path: ReadonlyArray<PropertyKey>
  readonly message: string
  /** Of an unknown key: the keys that would have been known. */
  readonly known?: ReadonlyArray<string>
}

/** One plugin's part of the manifest, as it is written. */
export interface Part {
  readonly kind: "loader" | "auth" | "provider"
  /** Where the plugin is named. */
  readonly namedAt: Path
  readonly name: string
  readonly base: Path
  readonly config: Readonly<Record<string, unknown>>
}

/** The parts of all servers; of a manifest with mistakes, those that can be told. */
export const partsOf = (tree: Tree): ReadonlyArray<Part> => [
  ...partOfProvider(child(tree, "master_oauth"), ["master_oauth"], signInKeys),
  ...partOfProvider(upstreamIn(tree), ["authorization_server", "upstream"], upstreamKeys),
  ...partsOfServers(tree)
]

const upstreamIn = (tree: Tree): Tree | undefined => {
  const server = child(tree, "authorization_server")
  return server === undefined ? undefined : child(server, "upstream")
}

const partOfProvider = (signIn: Tree | undefined, base: Path, common: ReadonlyArray<string>): ReadonlyArray<Part> => {
  const name = signIn === undefined ? undefined : textAt(signIn, "provider")
  if (signIn === undefined || name === undefined) return []
  const config = Object.fromEntries(Object.entries(record(plain(signIn))).filter(([key]) => !common.includes(key)))
  return [{ kind: "provider", namedAt: [...base, "provider"], name, base, config }]
}

const partsOfServers = (tree: Tree): ReadonlyArray<Part> =>
  serversOf(tree).flatMap((server, index): ReadonlyArray<Part> => {
    const keys = record(plain(server))
    const base: Path = ["servers", index]
    const loader = textAt(server, "type")
    const strategy = textAt(server, "auth_strategy")
    const own = Object.fromEntries(Object.entries(keys).filter(([key]) => !commonKeys.includes(key)))
    return [
      ...(loader === undefined ? [] : [{ kind: "loader", namedAt: [...base, "type"], name: loader, base, config: own } as const]),
      ...(strategy === undefined ? [] : [{
        kind: "auth",
        namedAt: [...base, "auth_strategy"],
        name: strategy,
        base: [...base, "auth_config"],
        config: record(keys["auth_config"])
      } as const])
    ]
  })

const record = (value: unknown): Readonly<Record<string, unknown>> => Predicate.isObject(value) ? Object.fromEntries(Object.entries(value)) : {}

/** `base` is the server for a loader, `[...server, "auth_config"]` for a strategy. */
export const problemsOfPart = (
  { tree }: { readonly tree: Tree },
  base: Path,
  mistakes: ReadonlyArray<PartMistake>
): ReadonlyArray<Problem> =>
  mistakes.map(({ known, message, path: inside }): Problem => {
    const path = [...base, ...inside.map((key) => Predicate.isNumber(key) ? key : String(key))]
    if (known !== undefined) return problemFrom(tree, { path, kind: "unknown", message: "is not a known key", known })
    if (message === "Missing key") return problemFrom(tree, { path, kind: "missing", message: "is missing" })
    const [, expected] = /^[Ee]xpected (.+)$/su.exec(message) ?? []
    if (expected === undefined || inside.length === 0) return problemAt(tree, path, { message })
    return problemFrom(tree, { path, kind: "value", message: "", expected: expected === "string" ? "text" : expected })
  })
