/**
 * Variables that change how programs load code, or which program a name means,
 * are refused in `config.environment` unless `config.allow_environment` lists them.
 */
import { changesLoading } from "../plugin/Variables.ts"
import type { Problem } from "./Problem.ts"
import { child, type Path, plain, sayPath, type Tree } from "./Tree.ts"

export const forbiddenVariables = (tree: Tree): ReadonlyArray<Problem> => {
  const servers = child(tree, "servers")
  if (servers?._tag !== "Sequence") return []
  return servers.items.flatMap((server, index) => {
    const config = child(server, "config")
    return config === undefined ? [] : forbiddenIn(tree, config, ["servers", index, "config", "environment"])
  })
}

const forbiddenIn = (tree: Tree, config: Tree, path: Path): ReadonlyArray<Problem> => {
  const environment = child(config, "environment")
  const listed = child(config, "allow_environment")
  const allowed = listed?._tag === "Sequence" ? listed.items.map(plain) : []
  if (environment?._tag !== "Mapping") return []
  return [...environment.entries].filter(([name]) => changesLoading(name) && !allowed.includes(name)).map(([name, { keyAt }]) => ({
    ...keyAt,
    path: sayPath(tree, [...path, name]),
    message: `"${name}" changes how programs load and is refused`,
    expected: "it in allow_environment too, if it is meant"
  }))
}
