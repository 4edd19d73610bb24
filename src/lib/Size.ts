/** Amounts of memory as people write them. A bare number is refused, because nobody remembers its unit. */
import { Schema } from "effect"

const spelling = /^(\d{1,9}) ?([KMG])iB$/u

const units: Readonly<Record<string, number>> = { K: 1024, M: 1024 ** 2, G: 1024 ** 3 }

/** `512 MiB`, `2GiB`. */
export const Size = Schema.String.check(Schema.isPattern(spelling, { expected: "a whole number with its unit, such as 512 MiB or 2 GiB" }))

export const bytesOf = (size: string): number => {
  const [, amount = "0", unit = "K"] = spelling.exec(size) ?? []
  return Number(amount) * (units[unit] ?? 1)
}
