/**
 * Values from outside the files: `MANIFOLD__ROUTING__TIMEOUT=10s` in the
 * environment, then `--set routing.timeout=10s`. `PORT` sets `hosting.port`
 * because that is how hosting platforms say it; a `MANIFOLD__` name wins over it.
 */
import { Predicate, Result, Schema } from "effect"
import { nearest } from "./Nearest.ts"
import type { Problem } from "./Problem.ts"
import { child, type Entry, isPrototypeName, type Mapping, type Origin, type Tree } from "./Tree.ts"

interface Override {
  readonly keys: ReadonlyArray<string>
  readonly text: string
  readonly at: Origin
}

interface Overridden {
  readonly tree: Mapping
  readonly problems: ReadonlyArray<Problem>
}

const environmentOrigin: Origin = { file: "environment", line: 0, column: 0 }
const setOrigin: Origin = { file: "--set", line: 0, column: 0 }
const prefix = "MANIFOLD__"

export const overrideByEnvironment = (
  tree: Mapping,
  environment: Readonly<Record<string, string | undefined>>
): Overridden => {
  const port = environment["PORT"]
  const named = Object.keys(environment).filter((name) => name.startsWith(prefix)).sort().map((name): Override => ({
    keys: keysOfName(tree, name.slice(prefix.length)),
    text: environment[name] ?? "",
    at: environmentOrigin
  }))
  const ported: Override = { keys: ["hosting", "port"], text: port ?? "", at: environmentOrigin }
  return applyAll(tree, port === undefined || port === "" ? named : [ported, ...named])
}

export const overrideBySet = (tree: Mapping, set: ReadonlyArray<string>): Overridden => {
  const wrong = set.filter((each) => !/^[^=]+=/u.test(each)).map((each): Problem => ({
    ...setOrigin,
    path: "",
    message: `"${each}" sets nothing`,
    expected: "KEY=VALUE, such as routing.timeout=10s"
  }))
  const applied = applyAll(tree, set.filter((each) => /^[^=]+=/u.test(each)).map((each): Override => {
    const equals = each.indexOf("=")
    return { keys: each.slice(0, equals).split("."), text: each.slice(equals + 1), at: setOrigin }
  }))
  return { tree: applied.tree, problems: [...wrong, ...applied.problems] }
}

/** `SERVERS__MY_FILES__ENABLED` names the server `my-files`; below `environment` names keep their case. */
const keysOfName = (tree: Mapping, name: string): ReadonlyArray<string> => {
  const parts = name.split("__")
  const verbatim = parts.findIndex((part) => part.toLowerCase() === "environment")
  const keys = parts.map((part, index) => verbatim !== -1 && index > verbatim ? part : part.toLowerCase())
  const [first, second] = keys
  if (first !== "servers" || second === undefined) return keys
  const id = serverIds(tree).find((id) => id.replaceAll("-", "_") === second)
  return [first, id ?? second, ...keys.slice(2)]
}

const serverIds = (tree: Mapping): ReadonlyArray<string> => {
  const servers = child(tree, "servers")
  if (servers?._tag !== "Sequence") return []
  return servers.items.flatMap((server) => {
    const id = child(server, "id")
    return id?._tag === "Scalar" && typeof id.value === "string" ? [id.value] : []
  })
}

const applyAll = (tree: Mapping, overrides: ReadonlyArray<Override>): Overridden => {
  const problems: Array<Problem> = []
  let current = tree
  for (const override of overrides) {
    const path = override.keys.join(".")
    const next = override.keys.some((key) => key === "" || isPrototypeName(key))
      ? wrong("is not a key")
      : put(current, override.keys, override)
    if (next._tag === "Wrong") problems.push({ ...override.at, path, message: next.message, ...suggest(next.suggestion) })
    else if (next._tag === "Mapping") current = next
  }
  return { tree: current, problems }
}

const suggest = (suggestion: string | undefined) => suggestion === undefined ? {} : { suggestion }

interface Wrong {
  readonly _tag: "Wrong"
  readonly message: string
  readonly suggestion?: string
}

const wrong = (message: string, suggestion?: string): Wrong => ({ _tag: "Wrong", message, ...suggest(suggestion) })

const put = (tree: Tree | undefined, keys: ReadonlyArray<string>, override: Override, above = ""): Tree | Wrong => {
  const [key, ...rest] = keys
  if (key === undefined) return valueOf(override)
  if (tree?._tag === "Sequence") {
    const index = above === "servers" ? indexOfServer(tree.items, key) : Number(key)
    const item = tree.items[index]
    if (item === undefined) {
      const known = above === "servers" ? tree.items.flatMap((item) => idText(item)) : []
      return wrong(above === "servers" ? `there is no server "${key}"` : `there is no element "${key}"`, nearest(key, known))
    }
    const changed = put(item, rest, override)
    return changed._tag === "Wrong"
      ? changed
      : { ...tree, items: tree.items.map((other, at) => at === index ? changed : other) }
  }
  if (tree !== undefined && tree._tag === "Scalar" && tree.value !== null) return wrong(`"${key}" lies below a single value`)
  const under = tree?._tag === "Mapping" ? tree.entries : new Map<string, Entry>()
  const changed = put(under.get(key)?.value, rest, override, key)
  if (changed._tag === "Wrong") return changed
  const at = tree?.at ?? override.at
  return { _tag: "Mapping", at, entries: new Map(under).set(key, { keyAt: override.at, value: changed }) }
}

const idText = (server: Tree): ReadonlyArray<string> => {
  const id = child(server, "id")
  return id?._tag === "Scalar" ? [String(id.value)] : []
}

const indexOfServer = (items: ReadonlyArray<Tree>, id: string) => items.findIndex((item) => idText(item)[0] === id)

const asJson = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Unknown))

/** Text that begins like a list or a map is read as JSON, anything else stays the text it is. */
const valueOf = ({ at, text }: Override): Tree => {
  const json = /^\s*[[{]/u.test(text) ? asJson(text) : Result.fail(undefined)
  return Result.isSuccess(json) ? fromPlain(json.success, at) : { _tag: "Scalar", at, value: text, loose: true }
}

export const fromPlain = (value: unknown, at: Origin): Tree => {
  if (Array.isArray(value)) return { _tag: "Sequence", at, items: value.map((item) => fromPlain(item, at)) }
  if (Predicate.isObject(value)) {
    const entries = Object.entries(value).filter(([key]) => !isPrototypeName(key))
    return { _tag: "Mapping", at, entries: new Map(entries.map(([key, each]) => [key, { keyAt: at, value: fromPlain(each, at) }])) }
  }
  const scalar = Predicate.isString(value) || Predicate.isNumber(value) || Predicate.isBoolean(value) ? value : null
  return { _tag: "Scalar", at, value: scalar }
}
