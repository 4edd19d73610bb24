/** Which roles and tenants a principal has, and why: from what its issuer says of it and nothing else. */
import { type Glob, glob } from "../lib/Glob.ts"
import { isRecord } from "../lib/Record.ts"
import type { AccessRules, RoleEntry, WhenEntry } from "../manifest/AccessRules.ts"
import type { Principal } from "../plugin/Auth.ts"
import { KEYS } from "./Machines.ts"

const TENANT_SCOPE = "tenant:"

/** A role and what gives it. */
export interface Held {
  readonly role: string
  readonly why: string
}

export interface Roles {
  readonly rolesOf: (principal: Principal) => ReadonlyArray<Held>
  readonly tenantsOf: (principal: Principal) => ReadonlyArray<string>
}

export const rolesFrom = ({ roles, tenant }: Pick<AccessRules, "roles" | "tenant">): Roles => {
  const compiled = roles.map(roleFrom)
  return {
    rolesOf: (principal) => compiled.flatMap((held) => held(principal) ?? []),
    tenantsOf: (principal) => tenant === undefined ? [] : tenantsIn(principal, tenant.claim)
  }
}

/** Of all alternatives the first one that fits is the reason. */
const roleFrom = ({ name, when }: RoleEntry) => {
  const alternatives = when.map((each) => ({ why: sayWhen(each), fits: fitting(each) }))
  return (principal: Principal): Held | undefined => {
    const found = alternatives.find(({ fits }) => fits(principal))
    return found && { role: name, why: found.why }
  }
}

const fitting = ({ claim, client, has, issuer, matches, scope, subject }: WhenEntry) => {
  const subjects = globOf(subject)
  const clients = globOf(client)
  const texts = globOf(matches)
  return ({ claims = {}, clientId, scopes, ...principal }: Principal): boolean => {
    if (issuer !== undefined && principal.issuer !== issuer) return false
    if (subjects !== undefined && !subjects.matches(principal.subject)) return false
    if (clients !== undefined && (clientId === undefined || !clients.matches(clientId))) return false
    if (scope !== undefined && scopes?.includes(scope) !== true) return false
    if (claim === undefined) return true
    const values = valuesAt(claims, claim)
    return (has === undefined || values.includes(has)) && (texts === undefined || values.some((value) => isText(value) && texts.matches(value)))
  }
}

const globOf = (text: string | undefined): Glob | undefined => text === undefined ? undefined : glob(text)

const isText = (value: unknown): value is string => typeof value === "string"

/** What a claim holds, one by one; a name with dots is itself a claim before it is a way into maps. */
const valuesAt = (claims: Readonly<Record<string, unknown>>, path: string): ReadonlyArray<unknown> => {
  const found = own(claims, path) ?? path.split(".").reduce<unknown>((at, key) => isRecord(at) ? own(at, key) : undefined, claims)
  return Array.isArray(found) ? found : found === undefined ? [] : [found]
}

const own = (map: Readonly<Record<string, unknown>>, key: string): unknown => Object.hasOwn(map, key) ? map[key] : undefined

const tenantsIn = ({ claims = {}, issuer, scopes = [] }: Principal, claim: string): ReadonlyArray<string> => {
  const named = issuer === KEYS
    ? scopes.flatMap((scope) => scope.startsWith(TENANT_SCOPE) ? [scope.slice(TENANT_SCOPE.length)] : [])
    : valuesAt(claims, claim).filter(isText)
  return [...new Set(named)].sort()
}

const sayWhen = ({ claim, has, ...others }: WhenEntry): string =>
  [
    ...(claim === undefined ? [] : [has === undefined ? `claim ${claim}` : `claim ${claim} has ${JSON.stringify(has)}`]),
    ...Object.entries(others).map(([key, value]) => `${key} ${JSON.stringify(value)}`)
  ].join(" and ")
