/**
 * The grammar of references inside a value: `${env:NAME}`, `${env:NAME:-default}`,
 * `${file:/path}`, `${secret:name}`. `$${` stands for a plain `${`; what a
 * reference gives is never read again, neither for references nor as YAML.
 */

export type Part =
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "Environment"; readonly name: string; readonly fallback?: string }
  | { readonly _tag: "File"; readonly path: string }
  | { readonly _tag: "Secret"; readonly name: string }
  | { readonly _tag: "Broken"; readonly text: string; readonly message: string }

/** What the secrets of the vault may be called. */
export const SECRET_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/u
export const SECRET_FORM = "a letter or digit, then letters, digits, dots, dashes and underscores, 128 characters at most"

const forms = "${env:NAME}, ${env:NAME:-default}, ${file:/path} or ${secret:name}; $${ for a plain ${"

const referenceIn = (inside: string): Part => {
  const [, kind = "", rest = ""] = /^([a-z]+):([\s\S]*)$/u.exec(inside) ?? []
  const broken = (message: string): Part => ({ _tag: "Broken", text: inside, message })
  switch (kind) {
    case "env": {
      const [, name, fallback] = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/u.exec(rest) ?? []
      if (name === undefined) return broken(`"\${${inside}}" does not name an environment variable`)
      return { _tag: "Environment", name, ...(fallback === undefined ? {} : { fallback }) }
    }
    case "file":
      return rest === "" ? broken("\"${file:}\" names no file") : { _tag: "File", path: rest }
    case "secret":
      return SECRET_NAME.test(rest) ? { _tag: "Secret", name: rest } : broken(`"\${${inside}}" does not name a secret: ${SECRET_FORM}`)
    default:
      return broken(`"\${${inside}}" is not a reference, expected ${forms}`)
  }
}

/** The pieces of a value in their order. Text without `${` is one piece, unchanged. */
export const parseReferences = (value: string): ReadonlyArray<Part> => {
  const parts: Array<Part> = []
  let text = ""
  let at = 0
  while (at < value.length) {
    const open = value.indexOf("${", at)
    if (open === -1) break
    if (open > at && value[open - 1] === "$") {
      text += `${value.slice(at, open - 1)}\${`
      at = open + 2
      continue
    }
    text += value.slice(at, open)
    const close = value.indexOf("}", open)
    if (close === -1) {
      parts.push({ _tag: "Broken", text: value.slice(open), message: `"\${" is not closed, expected ${forms}` })
      return parts
    }
    if (text !== "") parts.push({ _tag: "Text", text })
    text = ""
    parts.push(referenceIn(value.slice(open + 2, close)))
    at = close + 1
  }
  const rest = text + value.slice(at)
  return rest === "" && parts.length > 0 ? parts : [...parts, { _tag: "Text", text: rest }]
}
