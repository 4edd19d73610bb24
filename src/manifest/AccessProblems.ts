/**
 * Mistakes in `access:` that its form does not show: roles and servers that are not there, names that
 * are taken, and what can never apply. A rule that says nothing would let its author believe it does.
 */
import { Option, Schema } from "effect"
import { glob } from "../lib/Glob.ts"
import { isPlain } from "../lib/PlainPath.ts"
import { AccessRules, type RuleEntry } from "./AccessRules.ts"
import { strict } from "./Decode.ts"
import type { Problem } from "./Problem.ts"
import { problemAt } from "./Report.ts"
import { child, nodeAt, type Path, plain, serversOf, textAt, type Tree } from "./Tree.ts"

export const problemsOfAccess = (tree: Tree): ReadonlyArray<Problem> => {
  const access = child(tree, "access")
  const decoded = access === undefined ? Option.none() : Schema.decodeUnknownOption(AccessRules, strict)(plain(access))
  const found = Option.getOrUndefined(decoded)
  // A form that is wrong has been said already, and so has every key of it.
  const hasTenant = access === undefined ? false : child(access, "tenant") !== undefined
  const tenants = hasTenant ? [] : tenantsWithoutClaim(tree)
  if (found === undefined) return tenants
  const { roles, rules } = found
  const known = roles.map(({ name }) => name)
  const servers = serversOf(tree).flatMap((server) => textAt(server, "id") ?? [])
  return [
    ...repeated(tree, known, (index) => ["access", "roles", index, "name"], "role"),
    ...repeated(tree, rules.map(({ id }) => id), (index) => ["access", "rules", index, "id"], "rule"),
    ...rules.flatMap((rule, index) => problemsOfRule(tree, ["access", "rules", index], { rule, roles: known, servers })),
    ...tenants
  ]
}

const tenantsWithoutClaim = (tree: Tree): ReadonlyArray<Problem> =>
  serversOf(tree).flatMap((_, index) => {
    const path: Path = ["servers", index, "tenants"]
    return nodeAt(tree, path) === undefined
      ? []
      : [problemAt(tree, path, { message: "needs access.tenant, which says how a caller's tenant is known" })]
  })

const repeated = (tree: Tree, names: ReadonlyArray<string | undefined>, pathOf: (index: number) => Path, what: string): ReadonlyArray<Problem> =>
  names.flatMap((name, index) =>
    name === undefined || names.indexOf(name) === index ? [] : [problemAt(tree, pathOf(index), { message: `there is a ${what} "${name}" already` })])

interface About {
  readonly rule: RuleEntry
  readonly roles: ReadonlyArray<string>
  readonly servers: ReadonlyArray<string>
}

const problemsOfRule = (tree: Tree, base: Path, { roles, rule, servers }: About): ReadonlyArray<Problem> => [
  ...rule.roles.flatMap((role, index) =>
    role === "*" || roles.includes(role)
      ? []
      : [problemAt(tree, [...base, "roles", index], { message: `there is no role "${role}"`, known: roles })]),
  ...rule.servers.flatMap((server, index) =>
    servers.some(glob(server).matches) || server === "*"
      ? []
      : [problemAt(tree, [...base, "servers", index], { message: `there is no server for "${server}"`, known: servers })]),
  ...(["resources", "templates"] as const).flatMap((kind) =>
    (rule[kind] ?? []).flatMap((uri, index) =>
      isPlain(uri)
        ? []
        : [problemAt(tree, [...base, kind, index], { message: "can never match: steps such as .. and escapes of plain characters are no part of a pattern" })]))
]
