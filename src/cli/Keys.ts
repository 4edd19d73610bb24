/** `manifold keys create|list|revoke`: API keys for machines. A key is shown once, when it is made. */
import { Clock, Console, Duration, Effect, Option, Redacted } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { DurationText } from "../manifest/Fields.ts"
import { ApiKeys, type ListedKey } from "../vault/ApiKeys.ts"
import { json } from "./Json.ts"
import { kept, placeOf, reported, servicesAt } from "./Kept.ts"
import { columns } from "./Layout.ts"
import { failed, stop } from "./Stopped.ts"

const NAME = /^[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}$/u
/** A scope of OAuth (RFC 6749, 3.3). */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/u

const create = Command.make("create", {
  name: Flag.String("name").pipe(Flag.withMetavar("NAME"), Flag.withDescription("Who uses it, such as ci; no two keys in use have the same")),
  scopes: Flag.String("scopes").pipe(
    Flag.withMetavar("A,B"),
    Flag.withDescription("What it may do, with commas between; without it, nothing that asks for a scope"),
    Flag.withDefault("")
  ),
  expires: Flag.String("expires").pipe(
    Flag.withMetavar("TIME"),
    Flag.withDescription("How long it works, such as 90d; without it, until it is revoked"),
    Flag.withSchema(DurationText),
    Flag.optional
  ),
  json,
  ...kept
}, Effect.fnUntraced(function*(input) {
  const scopes = input.scopes.split(",").map((scope) => scope.trim()).filter((scope) => scope !== "")
  const wrong = scopes.find((scope) => !SCOPE.test(scope))
  if (wrong !== undefined) return yield* stop(failed, `"${wrong}" cannot be a scope`)
  if (!NAME.test(input.name)) return yield* stop(failed, `"${input.name}" cannot be the name of a key: letters, digits, spaces and . _ @ -, 64 at most`)
  const now = yield* Clock.currentTimeMillis
  const expiry = Option.match(input.expires, { onNone: () => ({}), onSome: (life) => ({ expires: now + Duration.toMillis(life) }) })
  const place = yield* placeOf(input)
  const { key, made } = yield* Effect.provide(Effect.flatMap(ApiKeys, (keys) => keys.create({ name: input.name, scopes, ...expiry })), servicesAt(place))
  if (input.json) return yield* Console.log(JSON.stringify({ key: Redacted.value(key), ...shown(made) }, null, 2))
  yield* Console.log(Redacted.value(key))
  yield* Console.error(`This is the only time that the key "${made.name}" (${made.id}) is shown: keep it where secrets are kept.`)
}, reported)).pipe(
  Command.withDescription(
    "Make an API key and print it, this one time: only its hash is kept. It is accepted as \"Authorization: Bearer mfk_...\" where the manifest says api_keys: true"
  ),
  Command.withShortDescription("Make an API key and print it, this one time"),
  Command.withExamples([
    { command: "manifold keys create --name ci --scopes mcp --expires 90d -m manifold.yaml", description: "For three months" },
    { command: "manifold keys create --name ci --json -m manifold.yaml | jq -r .key", description: "For a script" }
  ])
)

const list = Command.make("list", { json, ...kept }, Effect.fnUntraced(function*(input) {
  const place = yield* placeOf(input)
  const found = yield* Effect.provide(Effect.flatMap(ApiKeys, (keys) => keys.list), servicesAt(place))
  const now = yield* Clock.currentTimeMillis
  if (input.json) return yield* Console.log(JSON.stringify({ keys: found.map((key) => ({ ...shown(key), state: stateOf(key, now) })) }, null, 2))
  const rows = found.map((key) => [key.id, key.name, stateOf(key, now), `...${key.lastFour}`, day(key.created), day(key.expires), key.scopes.join(",")])
  yield* Console.log(found.length === 0 ? "There are no keys." : columns([HEAD, ...rows]).join("\n"))
}, reported)).pipe(
  Command.withDescription("List the API keys: id, name, state, last four characters, dates, scopes"),
  Command.withShortDescription("List the API keys"),
  Command.withExamples([{ command: "manifold keys list -m manifold.yaml", description: "Those that were revoked too" }])
)

const revoke = Command.make("revoke", {
  key: Argument.String("key").pipe(Argument.withDescription("Its name or its id")),
  ...kept
}, Effect.fnUntraced(function*(input) {
  const place = yield* placeOf(input)
  const revoked = yield* Effect.provide(Effect.flatMap(ApiKeys, (keys) => keys.revoke(input.key)), servicesAt(place))
  if (revoked === undefined) return yield* stop(failed, `No key in use has the name or id "${input.key}"`)
  yield* Console.log(`The key "${revoked.name}" (${revoked.id}) is revoked; gateways that run refuse it within five seconds`)
}, reported)).pipe(
  Command.withDescription("Revoke an API key for good; exit code 1 when there is none of that name or id in use"),
  Command.withShortDescription("Revoke an API key"),
  Command.withExamples([{ command: "manifold keys revoke ci -m manifold.yaml", description: "By name" }])
)

const HEAD = ["ID", "NAME", "STATE", "KEY", "CREATED", "EXPIRES", "SCOPES"]

const stateOf = ({ expires, revoked }: ListedKey, now: number): string => {
  if (revoked !== undefined) return "revoked"
  return expires !== undefined && expires <= now ? "expired" : "in use"
}

const day = (time: number | undefined): string => time === undefined ? "never" : new Date(time).toISOString().slice(0, 10)

const time = (name: string, millis: number | undefined) => millis === undefined ? {} : { [name]: new Date(millis).toISOString() }

const shown = ({ created, expires, id, lastFour, name, revoked, scopes }: ListedKey) => ({
  id,
  name,
  scopes,
  lastFour,
  ...time("created", created),
  ...time("expires", expires),
  ...time("revoked", revoked)
})

export const keys = Command.make("keys").pipe(
  Command.withDescription("Make, list and revoke the API keys that machines call the gateway with"),
  Command.withSubcommands([create, list, revoke])
)
