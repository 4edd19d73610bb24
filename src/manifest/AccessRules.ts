/** `access:` of the manifest: which roles callers have, and what each role may see and call. Its rules are compiled in src/guard. */
import { Schema } from "effect"
import { about, fallback, required, rule, Text } from "./Fields.ts"

const pattern = (form: RegExp, expected: string) => Schema.String.check(Schema.isPattern(form, { expected }))

const Name = pattern(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/u, "a name: letters, digits, _ . and -, 64 at most")
const RoleRef = pattern(/^(?:\*|[A-Za-z0-9][A-Za-z0-9_.-]{0,63})$/u, "the name of a role, or \"*\" for everybody")
const ServerGlob = pattern(/^[a-z0-9*-]{1,64}$/u, "a server's id, in which * stands for any characters")
const NameGlob = pattern(/^[A-Za-z0-9_.*-]{1,128}$/u, "a name as the server has it, in which * stands for any characters")
const UriGlob = pattern(/^[^\p{Cc}\s]{1,256}$/u, "a URI without spaces, in which * stands for a part between slashes and ** for any characters")
const ValueGlob = Schema.NonEmptyString.check(Schema.isMaxLength(256, { expected: "a text of 256 characters at most" }))
const PathText = pattern(/^[^\p{Cc}]{1,256}$/u, "a name, or names with dots between them")

/** Servers that carry it are for principals of these alone. */
export const TenantName = pattern(/^[^\p{Cc}\s]{1,128}$/u, "the name of a tenant, without spaces")

const Plain = Schema.Union([Schema.String, Schema.Finite, Schema.Boolean])

const some = <S extends Schema.Top>(schema: S) => Schema.NonEmptyArray(schema)

const When = Schema.Struct({
  claim: Schema.optionalKey(about(PathText, "A claim of the token; dots lead into maps, as in realm_access.roles")),
  has: Schema.optionalKey(about(Plain, "The value of that claim, or one of its values where it is a list")),
  matches: Schema.optionalKey(about(ValueGlob, "A pattern that the claim's text, or one of its texts, fits: \"*@example.com\"")),
  subject: Schema.optionalKey(about(ValueGlob, "Who calls, as the issuer names it; a pattern")),
  issuer: Schema.optionalKey(about(Text, "Who vouches for the caller, exact; manifold:keys for API keys, manifold:certificates: and the name of the authority for client certificates, local without sign-in")),
  scope: Schema.optionalKey(about(Text, "A scope that the token or the API key has")),
  client: Schema.optionalKey(about(ValueGlob, "The client that calls for somebody; a pattern"))
}).check(rule((when) => {
  if (Object.keys(when).length === 0) return "says nothing: name a claim, subject, issuer, scope or client"
  const asks = when.has !== undefined || when.matches !== undefined
  if (when.claim === undefined) return !asks || "has a value without a claim to look for it in"
  return asks || "names a claim and not what it has to hold: add has or matches"
}))

const Role = Schema.Struct({
  name: required(Name, "What rules call it", "a name for the role"),
  when: required(some(When), "Who has it: whoever fits one of these entirely", "a list of who has the role")
})

const Condition = Schema.Struct({
  equals: Schema.optionalKey(about(Plain, "Exactly this value")),
  one_of: Schema.optionalKey(about(some(Plain), "One of these values")),
  matches: Schema.optionalKey(about(ValueGlob, "A text that fits this pattern")),
  at_least: Schema.optionalKey(about(Schema.Finite, "A number not below this")),
  at_most: Schema.optionalKey(about(Schema.Finite, "A number not above this")),
  exists: Schema.optionalKey(about(Schema.Boolean, "Whether the argument is there at all"))
}).check(rule(({ at_least, at_most, exists, ...others }) => {
  const asksForValue = Object.keys(others).length > 0 || at_least !== undefined || at_most !== undefined
  if (!asksForValue && exists === undefined) return "asks for nothing: name equals, one_of, matches, at_least, at_most or exists"
  if (exists === false && asksForValue) return "can never hold: an argument that is not there has no value"
  return at_least === undefined || at_most === undefined || at_least <= at_most || "can never hold: at_least is above at_most"
}))

const globs = <S extends Schema.Top>(schema: S, description: string) => Schema.optionalKey(about(some(schema), description))

const Rule = Schema.Struct({
  id: Schema.optionalKey(about(Name, "What the log and `access explain` call it; without it, its number: #1, #2")),
  effect: required(Schema.Literals(["allow", "deny"]), "What it does; one that denies wins over all that allow", "allow or deny"),
  roles: required(some(RoleRef), "Whom it is about: names of roles, or \"*\" for everybody", "a list of roles"),
  servers: required(some(ServerGlob), "Which servers, by id; \"*\" for all", "a list of servers"),
  tools: globs(NameGlob, "Which tools, by the names the server gives them; a rule that names no tools, prompts, resources or templates is about everything"),
  prompts: globs(NameGlob, "Which prompts"),
  resources: globs(UriGlob, "Which resources, listed or not, by the server's own URIs"),
  templates: globs(UriGlob, "Which resource templates are listed; what they lead to is a matter of resources"),
  arguments: Schema.optionalKey(about(
    Schema.Record(PathText, Schema.Union([Plain, Condition])),
    "Which calls, by their arguments: each name, or names with dots between them, with a pattern, an exact number, true, false, or a map of conditions"
  ))
}).check(rule((each) => {
  if (each.arguments === undefined) return true
  const hasArguments = each.tools !== undefined || each.prompts !== undefined
  const hasNone = each.resources !== undefined || each.templates !== undefined
  return (hasArguments && !hasNone) || "has conditions on arguments, which only a rule for named tools or prompts can have"
}))

const Tenant = Schema.Struct({
  claim: required(PathText, "The claim that names the caller's tenant, or its tenants where it is a list; dots lead into maps", "the name of a claim")
})

export const AccessRules = Schema.Struct({
  roles: fallback(Schema.Array(Role), "Roles and who has them", []),
  tenant: Schema.optionalKey(about(Tenant, "Which tenant a caller belongs to, for servers that have `tenants`; an API key has one for each scope tenant:NAME")),
  rules: fallback(Schema.Array(Rule), "What roles may see and call; what no rule allows is denied, so without any rule everything is", [])
})

export type AccessRules = typeof AccessRules.Type
export type RoleEntry = typeof Role.Type
export type RuleEntry = typeof Rule.Type
export type WhenEntry = typeof When.Type
export type ConditionEntry = typeof Condition.Type
export type PlainValue = typeof Plain.Type
