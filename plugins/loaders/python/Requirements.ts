/** The requirements.txt of a repository: pip would take options from it, such as another index, so it holds requirements and nothing else. */
import { Loader } from "#plugin"

const REQUIREMENT = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\[[A-Za-z0-9._, -]+\])?\s*(?:(?:~=|===?|!=|<=|>=|<|>)[A-Za-z0-9.*+!_\s-]+(?:,\s*(?:~=|===?|!=|<=|>=|<|>)[A-Za-z0-9.*+!_\s-]+)*)?\s*(?:;[^\\]*)?$/u
const HASH = /\s--hash=(sha256:[0-9a-f]{64})(?=\s|$)/gu

export interface Requirements {
  readonly requirements: ReadonlyArray<string>
  /** Whether each of them has hashes. */
  readonly isHashed: boolean
}

/** Longest file and longest requirement without its hashes, in characters. */
const MOST = 1024 * 1024
const LONGEST = 500

/** The lines of it, or the first that is refused. */
export const requirementsIn = (text: string): Requirements | { readonly refused: string } => {
  if (text.length > MOST) return { refused: `a file of more than ${MOST} characters` }
  const lines = text.replace(/\\\r?\n/gu, " ").split(/\r?\n/u).map((line) => line.replace(/(?:^|\s)#.*$/u, "").trim()).filter((line) => line !== "")
  const bare = lines.map((line) => line.replace(HASH, "").trim())
  const index = bare.findIndex((line) => line.length > LONGEST || !REQUIREMENT.test(line))
  if (index !== -1) return { refused: lines[index] ?? "" }
  return { requirements: lines, isHashed: lines.length > 0 && lines.every((line) => line.match(HASH) !== null) }
}

export const refusal = (source: string, line: string) =>
  new Loader.LoadFailed({
    source,
    step: "read requirements.txt",
    next: "write packages by name and version; the index is `index_url`",
    cause: new Error(`"${line.slice(0, 80)}" is refused`)
  })
