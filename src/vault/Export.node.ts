/**
 * The export of a vault: one file, sealed with a passphrase, that another vault takes in whatever
 * its master key is. docs/vault-export.md describes it byte by byte.
 *
 * One line of JSON (the head), then the AES-256-GCM ciphertext with its 16 bytes of tag. The key is
 * scrypt's of the passphrase; the head is authenticated as it stands.
 */
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from "node:crypto"
import { Effect, Redacted, Schema } from "effect"

const FORMAT = "manifold-vault-export"
const VERSION = 1
const COST = { n: 2 ** 17, r: 8, p: 1 } as const
/** A head may ask for no more work than this: it is read before it is known to be ours. */
const MOST = { n: 2 ** 19, r: 8, p: 4 } as const
const TAG_BYTES = 16
const LONGEST_HEAD = 1024
/** Shorter ones are found by trying. */
export const SHORTEST_PASSPHRASE = 12

const Bytes = Schema.Uint8ArrayFromBase64
const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 1, maximum }))

const Head = Schema.fromJsonString(Schema.Struct({
  format: Schema.Literal(FORMAT),
  version: Schema.Int,
  kdf: Schema.Literal("scrypt"),
  n: upTo(MOST.n),
  r: upTo(MOST.r),
  p: upTo(MOST.p),
  salt: Bytes,
  nonce: Bytes
}))
const encodeHead = Schema.encodeSync(Head)
const decodeHead = Schema.decodeUnknownOption(Head)

/** A row as an export has it. */
export const ExportedRow = Schema.Struct({
  table: Schema.String,
  key: Schema.String,
  value: Schema.String,
  expires: Schema.optionalKey(Schema.Int)
})
export type ExportedRow = typeof ExportedRow.Type

const Rows = Schema.fromJsonString(Schema.Array(ExportedRow))
const encodeRows = Schema.encodeSync(Rows)
const decodeRows = Schema.decodeUnknownOption(Rows)

export class ExportRefused extends Schema.TaggedError<ExportRefused>()("ExportRefused", { reason: Schema.String }) {
  override get message() {
    return `The export cannot be used: ${this.reason}`
  }
}

interface Cost {
  readonly n: number
  readonly r: number
  readonly p: number
}

const keyFrom = (passphrase: Redacted.Redacted<string>, salt: Uint8Array, { n, p, r }: Cost) =>
  Effect.tryPromise({
    // It throws at once where the parameters do not fit each other, and calls back with what comes later.
    try: () =>
      new Promise<Buffer>((done, failed) => {
        const options = { N: n, r, p, maxmem: 256 * n * r }
        scrypt(Redacted.value(passphrase).normalize("NFKC"), salt, 32, options, (error, key) => error === null ? done(key) : failed(error))
      }),
    catch: () => new ExportRefused({ reason: "the work that its head asks for is none that scrypt can do" })
  })

export const exported = Effect.fn("Export.seal")(function*(rows: Redacted.Redacted<ReadonlyArray<ExportedRow>>, passphrase: Redacted.Redacted<string>) {
  if (Redacted.value(passphrase).length < SHORTEST_PASSPHRASE) {
    return yield* new ExportRefused({ reason: `the passphrase is shorter than ${SHORTEST_PASSPHRASE} characters` })
  }
  const [salt, nonce] = [Uint8Array.from(randomBytes(16)), Uint8Array.from(randomBytes(12))]
  const head = Buffer.from(`${encodeHead({ format: FORMAT, version: VERSION, kdf: "scrypt", ...COST, salt, nonce })}\n`)
  const cipher = createCipheriv("aes-256-gcm", yield* keyFrom(passphrase, salt, COST), nonce).setAAD(head)
  return Buffer.concat([head, cipher.update(encodeRows(Redacted.value(rows))), cipher.final(), cipher.getAuthTag()])
})

export const imported = Effect.fn("Export.open")(function*(file: Uint8Array, passphrase: Redacted.Redacted<string>) {
  const bytes = Buffer.from(file)
  const end = bytes.subarray(0, LONGEST_HEAD).indexOf("\n")
  const head = end === -1 ? undefined : decodeHead(bytes.subarray(0, end).toString())
  if (head === undefined || head._tag === "None") return yield* new ExportRefused({ reason: "it is no export of a vault, or its head was changed" })
  const { nonce, salt, version, ...cost } = head.value
  if (version !== VERSION) return yield* new ExportRefused({ reason: `it has version ${version}, and only ${VERSION} is known here` })
  const body = bytes.subarray(end + 1)
  if (nonce.length !== 12 || body.length < TAG_BYTES) return yield* new ExportRefused({ reason: "it is cut short" })
  const key = yield* keyFrom(passphrase, salt, cost)
  const plain = yield* Effect.try({
    try: () => {
      const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES })
        .setAAD(bytes.subarray(0, end + 1)).setAuthTag(body.subarray(-TAG_BYTES))
      return Buffer.concat([decipher.update(body.subarray(0, -TAG_BYTES)), decipher.final()]).toString()
    },
    catch: () => new ExportRefused({ reason: "the passphrase is another one, or it was changed since it was written" })
  })
  const rows = decodeRows(plain)
  if (rows._tag === "None") return yield* new ExportRefused({ reason: "its rows are not as this version writes them" })
  return Redacted.make(rows.value)
})
