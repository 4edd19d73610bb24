/** Which versions of Python a specifier such as `>=3.10,<4` means (PEP 440, for versions that are released). */

const PART = /^\s*(~=|==|!=|<=|>=|<|>)\s*(\d+(?:\.\d+){0,2})(\.\*)?\s*$/u

export const SPECIFIER = /^\s*(?:~=|==|!=|<=|>=|<|>)\s*\d+(?:\.\d+){0,2}(?:\.\*)?(?:\s*,\s*(?:~=|==|!=|<=|>=|<|>)\s*\d+(?:\.\d+){0,2}(?:\.\*)?)*\s*$/u

export const fits = (version: string, specifier: string): boolean => specifier.split(",").every((part) => fitsPart(numbersOf(version), part))

const fitsPart = (version: ReadonlyArray<number>, part: string): boolean => {
  const [, operator = "", text = "", star] = PART.exec(part) ?? []
  const wanted = numbersOf(text)
  const order = compare(version, wanted)
  const isWithin = (digits: number) => compare(version.slice(0, digits), wanted.slice(0, digits)) === 0
  switch (operator) {
    case "~=":
      return order >= 0 && isWithin(wanted.length - 1)
    case "==":
      return star === undefined ? order === 0 : isWithin(wanted.length)
    case "!=":
      return star === undefined ? order !== 0 : !isWithin(wanted.length)
    case "<=":
      return order <= 0
    case ">=":
      return order >= 0
    case "<":
      return order < 0
    case ">":
      return order > 0
    default:
      return false
  }
}

const numbersOf = (version: string): ReadonlyArray<number> => version.split(".").map((digits) => Number.parseInt(digits, 10))

const compare = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number => {
  const length = Math.max(a.length, b.length)
  const place = Array.from({ length }, (_, index) => (a[index] ?? 0) - (b[index] ?? 0)).find((difference) => difference !== 0)
  return place ?? 0
}
