/**
 * The signatures that a registry gives its packages (ECDSA over `name@version:integrity`), checked with the registry's own
 * keys: what is installed is then what the registry signed. Who built a package (its provenance) is noted, and not checked:
 * that needs Sigstore's own root of trust, which changes and is fetched from elsewhere.
 */
import { createPublicKey, createVerify } from "node:crypto"
import { Effect, Option } from "effect"
import type { HttpClient } from "effect/http"
import { type Loader, Policy } from "#plugin"
import { packagesIn, type Wanted } from "./Closure.ts"
import { failed } from "./Npm.ts"
import { type Key, keysOf, publishedOf, type Version, versionOf } from "./Registry.ts"

/** What a pin says where each package was looked at. */
const ALL = "valid for all"

interface One {
  readonly name: string
  readonly version: string
  readonly integrity: string
}

type Judged = { readonly keyid: string } | { readonly wrong: string }

/** What goes into the lock about it. With `provenance: required` every package has to be signed; else only the package itself is looked at. */
export const signed = Effect.fnUntraced(function*(wanted: Wanted, pin: Loader.Pin) {
  const { provenance } = yield* Policy.Policy
  const keys = yield* keysOf(wanted.registry)
  const all = packagesIn(pin)
  const own = all.filter(({ name, version }) => name === wanted.name && version === wanted.version).slice(0, 1)
  const judged = yield* Effect.forEach(provenance === "required" ? all : own, (one) =>
    Effect.map(judgedWith(wanted.registry, keys, one), (found) => ({ ...one, ...found })), { concurrency: 8 })
  const odd = judged.filter((one) => "wrong" in one.signature)
  if (provenance === "required") {
    if (odd.length > 0) {
      const says = odd.slice(0, 3).map(({ name, signature, version }) => `${name}@${version} ${"wrong" in signature ? signature.wrong : ""}`)
      return yield* failed(wanted, "check signatures", "use a registry that signs its packages, or write provenance: recorded")(
        new Error(`${says.join(", ")}${odd.length > 3 ? `, and ${odd.length - 3} more` : ""}`)
      )
    }
    return { ...noted(judged, wanted), signature: `${ALL} ${judged.length} packages, by the registry's key ${keyids(judged)}` }
  }
  for (const { name, signature, version } of odd) {
    if ("wrong" in signature && signature.wrong.startsWith("has a signature")) yield* Effect.logWarning(`${name}@${version} ${signature.wrong}`)
  }
  const [first] = judged
  if (first === undefined) return {}
  return { ...noted(judged, wanted), signature: "wrong" in first.signature ? first.signature.wrong : `valid, by the registry's key ${first.signature.keyid}` }
})

/** Fails where every package has to be signed, and the lock does not say that each was looked at. */
export const demanded = Effect.fnUntraced(function*(source: string, { signature = "" }: Loader.Pin) {
  const { provenance } = yield* Policy.Policy
  if (provenance !== "required" || signature.startsWith(ALL)) return
  return yield* failed({ source }, "check signatures", "run manifold lock --update")(new Error("it was locked before provenance was required"))
})

const keyids = (judged: ReadonlyArray<{ readonly signature: Judged }>) =>
  [...new Set(judged.flatMap(({ signature }) => "keyid" in signature ? [signature.keyid] : []))].sort().join(" and ")

/** Who says to have built the package itself. */
const noted = (judged: ReadonlyArray<One & { readonly provenance: string | undefined }>, wanted: Wanted) => {
  const provenance = judged.find(({ name, version }) => name === wanted.name && version === wanted.version)?.provenance
  return { provenance: provenance === undefined ? "none" : `${provenance} (not checked)` }
}

const judgedWith = Effect.fnUntraced(function*(registry: string, keys: ReadonlyArray<Key>, one: One) {
  const found = Option.getOrUndefined(yield* versionOf(registry, one.name, one.version))
  return { provenance: found?.dist.attestations?.provenance?.predicateType, signature: yield* signatureOf(registry, keys, one, found) }
})

const signatureOf = Effect.fnUntraced(function*(registry: string, keys: ReadonlyArray<Key>, one: One, found: Version | undefined): Effect.fn.Return<Judged, never, HttpClient.HttpClient> {
  if (found === undefined) return { wrong: "is not described by its registry" }
  const signatures = found.dist.signatures ?? []
  if (signatures.length === 0) return { wrong: "has no signature" }
  let wrong = "has a signature by a key that its registry does not have"
  for (const { keyid, sig } of signatures) {
    const key = keys.find((each) => each.keyid === keyid)
    if (key === undefined) continue
    if (!isBy(key, `${one.name}@${one.version}:${one.integrity}`, sig)) return { wrong: `has a signature by ${keyid} that is not good` }
    if (yield* wasGood(registry, key, one)) return { keyid }
    wrong = `has a signature by ${keyid}, which had expired`
  }
  return { wrong }
})

const isBy = ({ key }: Key, text: string, signature: string): boolean => {
  try {
    const publicKey = createPublicKey({ key: Buffer.from(key, "base64"), format: "der", type: "spki" })
    return publicKey.asymmetricKeyType === "ec" && createVerify("SHA256").update(text).verify(publicKey, signature, "base64")
  } catch {
    return false
  }
}

/** A key that has expired since is good for what was published before. */
const wasGood = Effect.fnUntraced(function*(registry: string, { expires = null }: Key, { name, version }: One) {
  if (expires === null) return true
  const published = yield* publishedOf(registry, name, version)
  return published !== undefined && Date.parse(published) < Date.parse(expires)
})
