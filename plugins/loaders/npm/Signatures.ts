/**
 * The signatures that a registry gives its packages (ECDSA over `name@version:integrity`), and what it attests of them,
 * checked with the registry's own keys: what is installed is then what the registry signed.
 */
import { Effect, Option } from "effect"
import type { HttpClient } from "effect/http"
import { type Loader, Policy } from "#plugin"
import { packagesIn, type Wanted } from "./Closure.ts"
import { failed } from "./Npm.ts"
import { LOST, type Provenance, provenanceOf } from "./Attestations.ts"
import { isBy, type Key, keysOf, type Version, versionOf, wasGood } from "./Registry.ts"

/** What a pin says where each package was looked at. */
const ALL = "valid for all"

const UNSIGNED = "has no signature"

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
  const odd = judged.flatMap((one) => [one.signature, one.provenance].flatMap((said) => said !== undefined && "wrong" in said ? [{ ...one, wrong: said.wrong }] : []).slice(0, 1))
  if (provenance === "required") {
    if (odd.length > 0) {
      const says = odd.slice(0, 3).map(({ name, version, wrong }) => `${name}@${version} ${wrong}`)
      return yield* failed(wanted, "check signatures", "use a registry that signs its packages, or write provenance: recorded")(
        new Error(`${says.join(", ")}${odd.length > 3 ? `, and ${odd.length - 3} more` : ""}`)
      )
    }
    return { ...noted(judged, wanted), signature: `${ALL} ${judged.length} packages, by the registry's key ${keyids(judged)}` }
  }
  for (const { name, version, wrong } of odd) {
    if (wrong !== UNSIGNED && wrong !== LOST) yield* Effect.logWarning(`${name}@${version} ${wrong}`)
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

/** What is attested of the package itself. */
const noted = (judged: ReadonlyArray<One & { readonly provenance: Provenance | undefined }>, wanted: Wanted) => {
  const own = judged.find(({ name, version }) => name === wanted.name && version === wanted.version)?.provenance
  return { provenance: own === undefined ? "none" : "wrong" in own ? own.wrong : own.noted }
}

const judgedWith = Effect.fnUntraced(function*(registry: string, keys: ReadonlyArray<Key>, one: One) {
  const found = Option.getOrUndefined(yield* versionOf(registry, one.name, one.version))
  return {
    provenance: found?.dist.attestations === undefined ? undefined : yield* provenanceOf(registry, keys, one),
    signature: yield* signatureOf(registry, keys, one, found)
  }
})

const signatureOf = Effect.fnUntraced(function*(registry: string, keys: ReadonlyArray<Key>, one: One, found: Version | undefined): Effect.fn.Return<Judged, never, HttpClient.HttpClient> {
  if (found === undefined) return { wrong: "is not described by its registry" }
  const signatures = found.dist.signatures ?? []
  if (signatures.length === 0) return { wrong: UNSIGNED }
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
