/** `manifold secrets set|list|remove`: what `${secret:NAME}` in the manifest stands for. Values go in and never come out. */
import { Console, Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { SECRET_FORM, SECRET_NAME } from "../manifest/Reference.ts"
import { Vault } from "../vault/Vault.ts"
import { json } from "./Json.ts"
import { kept, placeOf, reported, secretText, servicesAt } from "./Kept.ts"
import { columns, counted } from "./Layout.ts"
import { failed, stop } from "./Stopped.ts"

const name = Argument.String("name").pipe(Argument.withDescription("What ${secret:NAME} in the manifest calls it"))

const setSecret = Command.make("set", {
  name,
  file: Flag.String("value-file").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("File with the value; without it the value is read from standard input. One line end at its end is left out"),
    Flag.optional
  ),
  ...kept
}, Effect.fnUntraced(function*(input) {
  if (!SECRET_NAME.test(input.name)) return yield* stop(failed, `"${input.name}" cannot be the name of a secret: ${SECRET_FORM}`)
  const place = yield* placeOf(input)
  const value = yield* secretText(Option.getOrUndefined(input.file))
  yield* Effect.flatMap(Vault, (vault) => vault.put("secrets", input.name, value)).pipe(Effect.provide(servicesAt(place)))
  yield* Console.log(`\${secret:${input.name}} is set; a gateway that runs and refers to it takes it within half a minute`)
}, reported)).pipe(
  Command.withDescription(
    "Put a secret into the vault, or another value in its place. The value is never an argument, since arguments can be seen by others"
  ),
  Command.withShortDescription("Put a secret into the vault"),
  Command.withExamples([
    { command: "manifold secrets set issues_client --value-file secret.txt -m manifold.yaml", description: "From a file" },
    { command: "pass show issues | manifold secrets set issues_client -m manifold.yaml", description: "From another program" }
  ])
)

const listSecrets = Command.make("list", {
  json,
  ...kept
}, Effect.fnUntraced(function*(input) {
  const place = yield* placeOf(input)
  const [entries, lost] = yield* Effect.provide(Effect.flatMap(Vault, (vault) => Effect.all([vault.list("secrets"), vault.setAside])), servicesAt(place))
  const secrets = entries.map(({ key, written }) => ({ name: key, set: new Date(written).toISOString() }))
  if (input.json) return yield* Console.log(JSON.stringify({ secrets, setAside: lost }, null, 2))
  const rows = [["NAME", "SET"], ...secrets.map(({ name, set }) => [name, set])]
  yield* Console.log(secrets.length === 0 ? "There are no secrets." : columns(rows).join("\n"))
  if (lost > 0) yield* Console.error(`${counted(lost, "row")} of the vault did not open and ${lost === 1 ? "was" : "were"} set aside`)
}, reported)).pipe(
  Command.withDescription("List the names of the secrets, and when each was set; never a value"),
  Command.withExamples([{ command: "manifold secrets list -m manifold.yaml", description: "Names and dates" }])
)

const removeSecret = Command.make("remove", { name, ...kept }, Effect.fnUntraced(function*(input) {
  const place = yield* placeOf(input)
  const was = yield* Effect.provide(Effect.flatMap(Vault, (vault) => vault.remove("secrets", input.name)), servicesAt(place))
  if (!was) return yield* stop(failed, `There is no secret "${input.name}"`)
  yield* Console.log(`"${input.name}" is removed`)
}, reported)).pipe(
  Command.withDescription("Remove a secret from the vault; exit code 1 when there is none of that name"),
  Command.withShortDescription("Remove a secret"),
  Command.withExamples([{ command: "manifold secrets remove issues_client -m manifold.yaml", description: "One that is no longer used" }])
)

export const secrets = Command.make("secrets").pipe(
  Command.withDescription("Keep the secrets that a manifest refers to as ${secret:NAME}, sealed in the vault"),
  Command.withSubcommands([setSecret, listSecrets, removeSecret])
)
