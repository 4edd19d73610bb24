/**
 * Who may see and call what. A rule that denies wins over all that allow, and what no rule allows is
 * denied; what is listed follows from the same rules, so a list shows what some call could reach.
 */
import type { AccessRules } from "../manifest/AccessRules.ts"
import type { Principal } from "../plugin/Auth.ts"
import { type Held, rolesFrom } from "./Roles.ts"
import { type Kind, type Rule, ruleFrom } from "./Rules.ts"

/** One call, in the names of the server. */
export interface Asked {
  readonly server: string
  readonly kind: Kind
  readonly name: string
  /** JSON text of the arguments, asked for only where a rule decides by them. */
  readonly arguments?: () => string | undefined
}

export interface Decision {
  readonly isAllowed: boolean
  /** What decided: a rule, that the server is another tenant's, or that no rule allows it. */
  readonly by: "rule" | "tenant" | "default"
  readonly rule?: string
}

/** What principals of the same roles and tenants see: one answer for all of them. */
export interface Sight {
  /** Equal for equal sight. */
  readonly key: string
  /** Whether anything of a server can be seen. */
  readonly sees: (server: string) => boolean
  /** Whether some call of this name could be allowed, as far as the name decides. */
  readonly shows: (server: string, kind: Kind, name: string) => boolean
  /** Whether more than what is listed may be allowed: URIs are no closed list. */
  readonly readsSome: (server: string) => boolean
  readonly decide: (asked: Asked) => Decision
  /** The rules that apply to a call, those that deny first; the first one decides. */
  readonly applying: (asked: Asked) => ReadonlyArray<Pick<Rule, "id" | "effect">>
}

export interface Access {
  readonly sightOf: (principal: Principal) => Sight
  readonly rolesOf: (principal: Principal) => ReadonlyArray<Held>
  readonly tenantsOf: (principal: Principal) => ReadonlyArray<string>
}

interface Said {
  readonly access?: AccessRules | undefined
  readonly servers: ReadonlyArray<{ readonly id: string; readonly tenants?: ReadonlyArray<string> | undefined }>
}

/** Most kinds of sight that are remembered. */
const SIGHTS = 1000

/** What a manifest says of access; `undefined` where it says nothing, and everything is allowed. */
export const accessOf = ({ access, servers }: Said): Access | undefined => {
  if (access === undefined) return undefined
  const roles = rolesFrom(access)
  const rules = access.rules.map(ruleFrom)
  const owners = new Map(servers.flatMap(({ id, tenants }) => tenants === undefined ? [] : [[id, tenants] as const]))
  const sights = new Map<string, Sight>()
  // The same object comes with each request until its credential is checked again.
  const known = new WeakMap<Principal, Sight>()

  const made = (principal: Principal): Sight => {
    const held = roles.rolesOf(principal).map(({ role }) => role)
    const tenants = roles.tenantsOf(principal)
    const key = JSON.stringify([[...new Set(held)].sort(), tenants])
    const before = sights.get(key)
    if (before !== undefined) return before
    for (const oldest of sights.keys()) {
      if (sights.size < SIGHTS) break
      sights.delete(oldest)
    }
    const own = new Set(held)
    const isOfTenant = (server: string) => owners.get(server)?.some((tenant) => tenants.includes(tenant)) ?? true
    const sight = sightWith({ key, isOfTenant, rules: rules.filter(({ isAbout }) => isAbout(own)) })
    sights.set(key, sight)
    return sight
  }

  return {
    ...roles,
    sightOf: (principal) => {
      const before = known.get(principal)
      if (before !== undefined) return before
      const sight = made(principal)
      known.set(principal, sight)
      return sight
    }
  }
}

interface OfServer {
  readonly denying: ReadonlyArray<Rule>
  readonly allowing: ReadonlyArray<Rule>
}

interface Seeing {
  readonly key: string
  readonly isOfTenant: (server: string) => boolean
  /** Those about these roles. */
  readonly rules: ReadonlyArray<Rule>
}

const FOREIGN: Decision = { isAllowed: false, by: "tenant" }
const UNSAID: Decision = { isAllowed: false, by: "default" }

const sightWith = ({ isOfTenant, key, rules }: Seeing): Sight => {
  const servers = new Map<string, OfServer | undefined>()

  /** `undefined` for a server of other tenants. */
  const rulesOf = (server: string): OfServer | undefined => {
    if (servers.has(server)) return servers.get(server)
    const own = rules.filter(({ isForServer }) => isForServer(server))
    const made = isOfTenant(server)
      ? { denying: own.filter(({ effect }) => effect === "deny"), allowing: own.filter(({ effect }) => effect === "allow") }
      : undefined
    servers.set(server, made)
    return made
  }

  const sees = (server: string) => {
    const own = rulesOf(server)
    return own !== undefined && own.allowing.length > 0 && !own.denying.some(({ isWhole }) => isWhole)
  }

  const shows = (server: string, kind: Kind, name: string) => {
    const own = rulesOf(server)
    if (own === undefined || !own.allowing.some((rule) => rule.names(kind, name))) return false
    return !own.denying.some((rule) => rule.conditions === undefined && rule.names(kind, name))
  }

  const decide = (asked: Asked): Decision => {
    const own = rulesOf(asked.server)
    if (own === undefined) return FOREIGN
    const decisive = own.denying.find((rule) => speaksOf(rule, asked)) ?? own.allowing.find((rule) => speaksOf(rule, asked))
    return decisive === undefined ? UNSAID : { isAllowed: decisive.effect === "allow", by: "rule", rule: decisive.id }
  }

  return {
    key,
    sees,
    shows,
    readsSome: (server) => sees(server) && rulesOf(server)?.allowing.some(({ mayRead }) => mayRead) === true,
    decide,
    applying: (asked) => {
      const own = rulesOf(asked.server)
      return own === undefined ? [] : [...own.denying, ...own.allowing].filter((rule) => speaksOf(rule, asked))
    }
  }
}

const speaksOf = ({ conditions, effect, names }: Rule, asked: Asked): boolean =>
  names(asked.kind, asked.name) && (conditions === undefined || conditions(effect, asked.arguments?.()))
