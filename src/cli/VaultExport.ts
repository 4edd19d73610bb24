/** `manifold vault export` and `import`: the contents of a vault, carried to another one in a file sealed with a passphrase. */
import { writeFileSync } from "node:fs"
import { Console, Effect, FileSystem, Redacted } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { exported, type ExportedRow, imported } from "../vault/Export.node.ts"
import { VAULT_TABLES, type VaultTable } from "../vault/Row.ts"
import { Vault } from "../vault/Vault.ts"
import { kept, placeOf, reported, secretText, servicesAt } from "./Kept.ts"
import { counted } from "./Layout.ts"
import { failed, stop } from "./Stopped.ts"

const file = (description: string) => Argument.String("file").pipe(Argument.withDescription(description))

const passphraseFile = Flag.String("passphrase-file").pipe(
  Flag.withMetavar("FILE"),
  Flag.withDescription("File with the passphrase, at least 12 characters; one line end at its end is left out")
)

const allRows = Effect.gen(function*() {
  const vault = yield* Vault
  const rows: Array<ExportedRow> = []
  for (const table of VAULT_TABLES) {
    for (const { key } of yield* vault.list(table)) {
      const row = yield* vault.get(table, key)
      if (row !== undefined) rows.push({ table, key, value: Redacted.value(row.value), ...(row.expires === undefined ? {} : { expires: row.expires }) })
    }
  }
  return Redacted.make<ReadonlyArray<ExportedRow>>(rows)
})

export const exportVault = Command.make("export", { file: file("Where to write it; it must not be there yet"), passphraseFile, ...kept }, Effect.fnUntraced(
  function*(input) {
    const place = yield* placeOf(input)
    const passphrase = yield* secretText(input.passphraseFile)
    const rows = yield* Effect.provide(allRows, servicesAt(place))
    const bytes = yield* exported(rows, passphrase)
    const written = yield* Effect.result(Effect.try(() => writeFileSync(input.file, bytes, { flag: "wx", mode: 0o600, flush: true })))
    if (written._tag === "Failure") return yield* stop(failed, `"${input.file}" is there already, or cannot be written`)
    yield* Console.log(`${counted(Redacted.value(rows).length, "row")} written to ${input.file}`)
  },
  reported
)).pipe(
  Command.withDescription("Write everything in the vault to a file that only the passphrase opens; docs/vault-export.md describes it. API keys are not in it"),
  Command.withShortDescription("Write the vault to a file sealed with a passphrase"),
  Command.withExamples([{ command: "manifold vault export vault.export --passphrase-file passphrase -m manifold.yaml", description: "For a backup, or another machine" }])
)

interface Placed {
  readonly table: VaultTable
  readonly row: ExportedRow
}

/** Each row with the table that it is for; nothing is put in when one of them is for none. */
const placed = (rows: ReadonlyArray<ExportedRow>) =>
  Effect.forEach(rows, (row) => {
    const table = VAULT_TABLES.find((each) => each === row.table)
    return table === undefined ? stop(failed, `There is no table "${row.table}" in the vault of this version`) : Effect.succeed<Placed>({ table, row })
  })

/** Says whether it was put: a row that is there already stays, unless it is to be replaced. */
const put = Effect.fnUntraced(function*({ row: { expires, key, value }, table }: Placed, isReplacing: boolean) {
  const vault = yield* Vault
  const options = { ...(isReplacing ? {} : { replaces: 0 }), ...(expires === undefined ? {} : { expires }) }
  return yield* vault.put(table, key, Redacted.make(value), options).pipe(Effect.as(true), Effect.catchTag("RowChanged", () => Effect.succeed(false)))
})

export const importVault = Command.make("import", {
  file: file("What manifold vault export has written"),
  passphraseFile,
  replace: Flag.Boolean("replace").pipe(
    Flag.withDescription("Put rows in the place of those that are there; without it, those stay"),
    Flag.withDefault(false)
  ),
  ...kept
}, Effect.fnUntraced(function*(input) {
  const files = yield* FileSystem.FileSystem
  const place = yield* placeOf(input)
  const passphrase = yield* secretText(input.passphraseFile)
  const bytes = yield* Effect.catch(files.readFile(input.file), () => stop(failed, `"${input.file}" cannot be read`))
  const rows = yield* Effect.flatMap(imported(bytes, passphrase), (rows) => placed(Redacted.value(rows)))
  const done = yield* Effect.provide(Effect.forEach(rows, (row) => put(row, input.replace)), servicesAt(place))
  const count = done.filter(Boolean).length
  const stayed = done.length - count
  yield* Console.log(`${counted(count, "row")} taken in${stayed === 0 ? "" : `, ${stayed} left as they are here; --replace takes the others`}`)
}, reported)).pipe(
  Command.withDescription("Take in what an export has; it may be done again, and ends the same. Exit code 1 when the passphrase is wrong or the file was changed"),
  Command.withShortDescription("Take in what an export has"),
  Command.withExamples([{ command: "manifold vault import vault.export --passphrase-file passphrase -m manifold.yaml", description: "On the other machine" }])
)
