/** Which URI template (RFC 6570) a URI may come from, in linear time and without building a regular expression from foreign text. */

/** The fixed parts of a template, in order; expressions stand between them. */
export const fixedParts = (template: string): ReadonlyArray<string> => template.split(/\{[^{}]*\}/u)

/** Whether a URI has the fixed parts in their order; what an expression expands to may be empty. */
export const mayComeFrom = (uri: string, parts: ReadonlyArray<string>): boolean => {
  const first = parts[0] ?? ""
  const last = parts[parts.length - 1] ?? ""
  if (parts.length === 1) return uri === first
  if (!uri.startsWith(first) || uri.length < first.length + last.length || !uri.endsWith(last)) return false
  let at = first.length
  for (const part of parts.slice(1, -1)) {
    const found = uri.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return at <= uri.length - last.length
}
