/** The parameters of a query or a form. OAuth allows none of them twice but `resource` (RFC 6749, 3.1; RFC 8707, 2). */

export interface Parameters {
  /** Nothing for one that is not there, or is empty. */
  readonly get: (name: string) => string | undefined
  readonly all: (name: string) => ReadonlyArray<string>
  /** Names that are there more than once and must not be. */
  readonly repeated: ReadonlyArray<string>
}

const MAY_REPEAT: ReadonlySet<string> = new Set(["resource"])

export const parametersOf = (text: string): Parameters => {
  const params = new URLSearchParams(text)
  const names = [...params.keys()]
  return {
    get: (name) => params.get(name) || undefined,
    all: (name) => params.getAll(name),
    repeated: [...new Set(names.filter((name, index) => names.indexOf(name) !== index && !MAY_REPEAT.has(name)))]
  }
}

/** What stands behind the question mark of a request target. */
export const queryOf = (url: string): string => {
  const at = url.indexOf("?")
  return at === -1 ? "" : url.slice(at + 1)
}
