/** One rule of `access.rules`, compiled: whom it is about, which server, which of its things, and which calls of those. */
import { type Glob, glob } from "../lib/Glob.ts"
import type { RuleEntry } from "../manifest/AccessRules.ts"
import { type Conditions, conditionsOf } from "./Arguments.ts"
import { applies, judge, type Judged } from "./Judged.ts"

/** What a server has, each kind under names of its own: tools and prompts by name, resources by URI. */
export type Kind = "tools" | "prompts" | "resources" | "templates"

const KINDS: ReadonlyArray<Kind> = ["tools", "prompts", "resources", "templates"]

const EVERYBODY = "*"

export interface Rule {
  readonly id: string
  readonly effect: "allow" | "deny"
  readonly isAbout: (roles: ReadonlySet<string>) => boolean
  readonly isForServer: (server: string) => boolean
  /** Whether it speaks of everything that the server has. */
  readonly isWhole: boolean
  /** Whether it speaks of some resource at all. */
  readonly mayRead: boolean
  /** Whether it applies to the name, whatever the arguments. */
  readonly names: (kind: Kind, name: string) => boolean
  readonly conditions: Conditions | undefined
}

/** What a rule is called that has no id: its place in the list, from 1. */
export const idOf = ({ id }: Pick<RuleEntry, "id">, index: number): string => id ?? `#${index + 1}`

export const ruleFrom = (entry: RuleEntry, index: number): Rule => {
  const { effect, roles } = entry
  const servers = entry.servers.map(glob)
  const named = new Map(KINDS.flatMap((kind) => entry[kind] === undefined ? [] : [[kind, entry[kind].map(glob)] as const]))
  const isWhole = named.size === 0
  return {
    id: idOf(entry, index),
    effect,
    isAbout: (held) => roles.some((role) => role === EVERYBODY || held.has(role)),
    isForServer: (server) => servers.some(({ matches }) => matches(server)),
    isWhole,
    mayRead: isWhole || named.has("resources"),
    names: (kind, name) => isWhole || applies(effect, judgeAny(named.get(kind) ?? [], name)),
    conditions: conditionsOf(entry)
  }
}

const judgeAny = (patterns: ReadonlyArray<Glob>, name: string): Judged => {
  let judged: Judged = "no"
  for (const pattern of patterns) {
    const one = judge(pattern, name)
    if (one === "yes") return one
    if (one === "doubt") judged = one
  }
  return judged
}
