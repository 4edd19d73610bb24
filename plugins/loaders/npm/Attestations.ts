/**
 * What is attested of a package (in-toto statements in DSSE envelopes): of what it says, what the registry's own key signed
 * is checked, and that all of it is about this very package. A builder's own statement (SLSA provenance) is signed by a
 * certificate of Sigstore, whose root of trust changes and is fetched from elsewhere: what it says is noted.
 */
import { Effect, Option, Schema } from "effect"
import { attestationsOf, isBy, type Key, wasGood } from "./Registry.ts"

export interface Attested {
  readonly name: string
  readonly version: string
  readonly integrity: string
}

/** What goes into the lock, or what is wrong. */
export type Provenance = { readonly noted: string } | { readonly wrong: string }

/** As at a mirror that has the packages alone. */
export const LOST = "says that it is attested, and its registry does not have the attestations"

const PUBLISHED = "https://github.com/npm/attestation/"
const STATEMENT = "application/vnd.in-toto+json"

const Statement = Schema.fromJsonString(Schema.Struct({
  subject: Schema.Array(Schema.Struct({ name: Schema.String, digest: Schema.Struct({ sha512: Schema.String }) })),
  predicateType: Schema.String,
  predicate: Schema.optionalKey(Schema.Unknown)
}))

/** The parts of an SLSA predicate that say from where it was built, in version 1 and before. */
const Built = Schema.Union([
  Schema.Struct({ buildDefinition: Schema.Struct({ externalParameters: Schema.Struct({ workflow: Schema.Struct({ repository: Schema.String }) }) }) }),
  Schema.Struct({ invocation: Schema.Struct({ configSource: Schema.Struct({ uri: Schema.String }) }) })
])
const sourceIn = (predicate: unknown): string | undefined => {
  const built = Option.getOrUndefined(Schema.decodeUnknownOption(Built)(predicate))
  if (built === undefined) return undefined
  return "invocation" in built ? built.invocation.configSource.uri : built.buildDefinition.externalParameters.workflow.repository
}

export const provenanceOf = Effect.fnUntraced(function*(registry: string, keys: ReadonlyArray<Key>, attested: Attested) {
  const all = yield* attestationsOf(registry, attested.name, attested.version)
  if (all.length === 0) return { wrong: LOST } satisfies Provenance
  let published: string | undefined
  let built: string | undefined
  for (const { bundle: { dsseEnvelope: { payload, payloadType, signatures } } } of all) {
    const bytes = Buffer.from(payload, "base64")
    const statement = Option.getOrUndefined(Schema.decodeUnknownOption(Statement)(bytes.toString()))
    if (statement === undefined || payloadType !== STATEMENT || !statement.subject.some((subject) => isAbout(subject, attested))) {
      return { wrong: "has an attestation of something else" } satisfies Provenance
    }
    if (statement.predicateType.startsWith(PUBLISHED)) {
      const signature = signatures.find(({ keyid }) => keys.some((key) => key.keyid === keyid))
      const key = keys.find(({ keyid }) => keyid === signature?.keyid)
      if (key === undefined || signature === undefined || !isBy(key, signedText(payloadType, bytes), signature.sig)) {
        return { wrong: "has an attestation that its registry's key did not sign" } satisfies Provenance
      }
      if (!(yield* wasGood(registry, key, attested))) return { wrong: `has an attestation by ${key.keyid}, which had expired` } satisfies Provenance
      published = key.keyid
    } else {
      const source = sourceIn(statement.predicate)
      built = `${statement.predicateType}${source === undefined ? "" : ` from ${source}`} (its certificate is not checked)`
    }
  }
  if (published === undefined) return { wrong: "has no attestation of its registry" } satisfies Provenance
  return { noted: [`published, by the registry's key ${published}`, ...(built === undefined ? [] : [built])].join("; ") } satisfies Provenance
})

/** The package URL (purl), and the bytes that were installed. */
const isAbout = ({ digest, name }: { readonly name: string; readonly digest: { readonly sha512: string } }, attested: Attested): boolean =>
  name === `pkg:npm/${attested.name.replace("@", "%40")}@${attested.version}` &&
  attested.integrity === `sha512-${Buffer.from(digest.sha512, "hex").toString("base64")}`

/** What is signed of an envelope: its pre-authentication encoding (DSSE 1.0, "Signature Definition"). */
const signedText = (type: string, payload: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `), payload])
