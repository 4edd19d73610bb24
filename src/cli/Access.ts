/** `manifold access explain`: what the rules of a manifest say of one user and one call, and which of them decides. */
import { Console, Effect, FileSystem, Option, Predicate } from "effect"
import { Command, Flag } from "effect/cli"
import { type Access, accessOf, type Asked, type Decision } from "../guard/Access.ts"
import { KEYS } from "../guard/Machines.ts"
import type { Held } from "../guard/Roles.ts"
import type { Kind, Rule } from "../guard/Rules.ts"
import { load } from "../manifest/Load.ts"
import type { Manifest } from "../manifest/Manifest.ts"
import type { Principal } from "../plugin/Auth.ts"
import { calledBy } from "./CalledName.ts"
import { refuse, set } from "./Check.ts"
import { json } from "./Json.ts"
import { argumentsOf } from "./JsonArgument.ts"
import { columns } from "./Layout.ts"
import { failed, stop, Stopped } from "./Stopped.ts"

const KINDS = { tool: "tools", prompt: "prompts", resource: "resources", template: "templates" } as const

const flags = {
  as: Flag.String("as").pipe(Flag.withMetavar("USER"), Flag.withDescription("Who calls: the subject that the issuer gives them, or the id of an API key")),
  call: Flag.String("call").pipe(Flag.withMetavar("NAME"), Flag.withDescription("What is called: files__read_file as clients know it, or files/read_file")),
  kind: Flag.Literals("kind", ["tool", "prompt", "resource", "template"]).pipe(
    Flag.withDescription("What NAME is; resources and templates are written SERVER/URI"),
    Flag.withDefault("tool" as const)
  ),
  arguments: Flag.String("arguments").pipe(Flag.withMetavar("JSON"), Flag.withDescription("The call's arguments as a JSON object"), Flag.optional),
  claims: Flag.String("claims").pipe(
    Flag.withMetavar("JSON"),
    Flag.withDescription("What the token says of the user, as a JSON object; @FILE reads it from a file"),
    Flag.withDefault("{}")
  ),
  scope: Flag.String("scope").pipe(Flag.withMetavar("SCOPE"), Flag.withDescription("A scope that the token or key has; repeat it for more"), Flag.atLeast(0)),
  issuer: Flag.String("issuer").pipe(
    Flag.withMetavar("ISSUER"),
    Flag.withDescription("Who vouches for the user, else the issuer of master_oauth; manifold:keys for API keys"),
    Flag.optional
  ),
  client: Flag.String("client").pipe(Flag.withMetavar("ID"), Flag.withDescription("The client that calls for the user"), Flag.optional),
  json,
  manifest: Flag.String("manifest").pipe(
    Flag.withAlias("m"),
    Flag.withMetavar("FILE"),
    Flag.withDescription("The manifest with the rules, else manifold.yaml; repeat it as for serve"),
    Flag.atLeast(0)
  ),
  set
}

/** What the rules come to. */
interface Explained extends Omit<Decision, "isAllowed"> {
  readonly allowed: boolean
  readonly listed: boolean
  readonly roles: ReadonlyArray<Held>
  readonly tenants: ReadonlyArray<string>
  readonly applying: ReadonlyArray<Pick<Rule, "effect" | "id">>
}

const explain = Command.make("explain", flags, Effect.fnUntraced(function*(input) {
  const files = input.manifest.length === 0 ? ["manifold.yaml"] : input.manifest
  const { manifest } = yield* Effect.catchTag(load({ files, environment: process.env, set: input.set }), "ManifestInvalid", (invalid) => refuse(invalid, input.json))
  const called = calledBy(manifest, input.call)
  if (typeof called === "string") return yield* stop(failed, called)
  const claims = yield* Effect.flatMap(textOf(input.claims), objectIn("claims"))
  const given = Option.getOrUndefined(input.arguments)
  if (given !== undefined) yield* objectIn("arguments")(given)
  const principal: Principal = {
    subject: input.as,
    issuer: Option.getOrElse(input.issuer, () => issuerOf(manifest)),
    scopes: input.scope,
    claims,
    ...Option.match(input.client, { onNone: () => ({}), onSome: (clientId) => ({ clientId }) })
  }
  const kind: Kind = KINDS[input.kind]
  const access = accessOf(manifest)
  const asked: Asked = { ...called, kind, arguments: () => given }
  const explained = access === undefined ? undefined : explainedBy(access, principal, asked)
  const who = { issuer: principal.issuer, subject: principal.subject }
  yield* Console.log(input.json
    ? JSON.stringify({ principal: who, server: called.server, kind: input.kind, name: called.name, ...(explained === undefined ? { allowed: true, by: "no rules" } : explained) }, null, 2)
    : explained === undefined
    ? "The manifest has no access rules: everybody who may call may call everything"
    : sayExplained(explained, { who, what: `${input.kind} ${called.server}/${called.name}` }).join("\n"))
  if (explained?.allowed === false) return yield* new Stopped({ code: failed })
})).pipe(
  Command.withDescription("Say whether a user may call something, by which rule, and what gives the user its roles; exit code 1 when it is denied. No gateway has to run"),
  Command.withShortDescription("Say which rule decides about a call"),
  Command.withExamples([
    { command: "manifold access explain --as ada --claims '{\"groups\": [\"devs\"]}' --call files__read_file -m manifold.yaml", description: "A user with a group" },
    { command: "manifold access explain --as ada --call files/write_file --arguments '{\"path\": \"/etc/hosts\"}' -m manifold.yaml", description: "One call with its arguments" },
    { command: "manifold access explain --as ci --issuer manifold:keys --scope mcp:dev --call files/read_file -m manifold.yaml", description: "An API key" }
  ])
)

const explainedBy = (access: Access, principal: Principal, asked: Asked): Explained => {
  const sight = access.sightOf(principal)
  const { isAllowed, ...decided } = sight.decide(asked)
  return {
    allowed: isAllowed,
    ...decided,
    listed: sight.shows(asked.server, asked.kind, asked.name),
    roles: access.rolesOf(principal),
    tenants: access.tenantsOf(principal),
    applying: sight.applying(asked).map(({ effect, id }) => ({ id, effect }))
  }
}

const issuerOf = ({ api_keys, master_oauth }: Manifest): string => {
  const issuer = master_oauth?.config["issuer"]
  return Predicate.isString(issuer) ? issuer : api_keys && master_oauth === undefined ? KEYS : master_oauth?.provider ?? "local"
}

const textOf = Effect.fnUntraced(function*(given: string) {
  if (!given.startsWith("@")) return given
  const files = yield* FileSystem.FileSystem
  return yield* Effect.catch(files.readFileString(given.slice(1)), () => stop(failed, `"${given.slice(1)}" cannot be read`))
})

const objectIn = (what: "arguments" | "claims") => (text: string) =>
  Effect.catchTag(argumentsOf(text), "ArgumentWrong", ({ message }) => stop(failed, message.replace(/^The arguments/u, `The ${what}`)))

interface About {
  readonly who: { readonly issuer: string; readonly subject: string }
  readonly what: string
}

const sayExplained = ({ allowed, applying, by, listed, roles, rule, tenants }: Explained, { what, who }: About): ReadonlyArray<string> => {
  const decided = by === "rule" ? `rule ${rule}` : by === "tenant" ? "the server is for other tenants" : "no rule allows it"
  const others = applying.filter(({ id }) => id !== rule).map(({ effect, id }) => `${id} (${effect})`)
  return [
    `${allowed ? "allowed" : "denied"}: ${what}, for ${who.subject} of ${who.issuer}`,
    "",
    ...columns([
      ["decided by", decided],
      ...(others.length === 0 ? [] : [["also apply", others.join(", ")]]),
      ["listed", listed ? "yes" : "no, and a call is answered as one of an unknown name"],
      ["roles", roles.length === 0 ? "none" : roles.map(({ role, why }) => `${role} (${why})`).join(", ")],
      ["tenants", tenants.length === 0 ? "none" : tenants.join(", ")]
    ]).map((line) => `  ${line}`)
  ]
}

export const access = Command.make("access").pipe(
  Command.withDescription("Ask what the access rules of a manifest come to"),
  Command.withSubcommands([explain])
)
