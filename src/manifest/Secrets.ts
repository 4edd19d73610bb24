/** What is never printed: values that came by reference, headers, and whatever is named like a secret. */
import { originOf, type Path, type Tree } from "./Tree.ts"

const secretName = /secret|token|passw|credential|api[_-]?key|private[_-]?key|ssh[_-]?key|authorization(?!_server)|cookie/iu

export const isSecretPath = (path: Path): boolean =>
  path.some((key) => key === "headers" || (typeof key === "string" && secretName.test(key)))

/** The value as it may be shown: a reference as written, a secret not at all. */
export const shown = (node: Tree, path: Path): string => {
  if (node._tag !== "Scalar") return node._tag === "Sequence" ? "[]" : "{}"
  if (node.reference !== undefined) return node.reference
  if (isSecretPath(path) && typeof node.value === "string") return "<hidden>"
  if (typeof node.value !== "string") return String(node.value)
  return JSON.stringify(node.value.replace(/(:\/\/)[^/\s@]*@/u, "$1<hidden>@"))
}

/** The texts that no output may hold: what came by reference, and what stands where secrets stand. */
export const secretTexts = (tree: Tree, path: Path = []): ReadonlyArray<string> => {
  switch (tree._tag) {
    case "Scalar": {
      const isSecret = tree.reference !== undefined || (typeof tree.value === "string" && isSecretPath(path))
      return isSecret ? [String(tree.value)] : []
    }
    case "Sequence":
      return tree.items.flatMap((item, index) => secretTexts(item, [...path, index]))
    case "Mapping":
      return [...tree.entries].flatMap(([key, { value }]) => secretTexts(value, [...path, key]))
  }
}

export const sayOrigin = (tree: Tree, path: Path): string => {
  const { file, line } = originOf(tree, path)
  return line === 0 ? file : `${file}:${line}`
}
