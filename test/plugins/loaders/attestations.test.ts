/** What the public npm registry attests, checked with its own key: a statement of it as it is, and others that are not. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { FetchHttpClient } from "effect/http"
import { provenanceOf } from "../../../plugins/loaders/npm/Attestations.ts"
import { loopback, sendJson } from "../../kit/loopback.ts"

const key = {
  keyid: "SHA256:jl3bwswu80PjjokCgh0o2w5c2U4LhQAE57gj9cz1kzA",
  key: "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1Olb3zMAFFxXKHiIkQO5cJ3Yhl5i6UPp+IhuteBJbuHcA5UogKo0EWtlWwW6KSaKoTNEYL7JlCQiVnkhBktUgg=="
}

/** What registry.npmjs.org says of sigstore@0.4.0. */
const sha512 = "282c0c5fa936d264321643581b65d3de5c0af6ed4fdfac12f5851115df39cc25cfaf0ad22d908487bfef30114d61c25746206d1834be4f8fd1659178f77cc004"
const statement = `{"_type":"https://in-toto.io/Statement/v0.1","subject":[{"name":"pkg:npm/sigstore@0.4.0","digest":{"sha512":"${sha512}"}}],` +
  `"predicateType":"https://github.com/npm/attestation/tree/main/specs/publish/v0.1","predicate":{"name":"sigstore","version":"0.4.0","registry":"https://registry.npmjs.org"}}`
const sig = "MEUCIQC/3eKnpFiqgvTYH4YBEv56PrZG+YQi5HZYUKaPci52HAIgZu30KpSwBUKiZBK887sQAJFAfkxBAyfHLALJ9F6Z0l0="

const attested = { name: "sigstore", version: "0.4.0", integrity: `sha512-${Buffer.from(sha512, "hex").toString("base64")}` }

const asked = (text: string, keys: ReadonlyArray<{ keyid: string; key: string }> = [key], about = attested) =>
  Effect.gen(function*() {
    const bundle = { dsseEnvelope: { payload: Buffer.from(text).toString("base64"), payloadType: "application/vnd.in-toto+json", signatures: [{ keyid: key.keyid, sig }] } }
    const { origin } = yield* loopback(() => (_, response) => sendJson(response, 200, { attestations: [{ bundle }] }))
    return yield* provenanceOf(origin, keys, about)
  }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))

describe("what the public registry attests", () => {
  it.live("is good for the package that it is about", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* asked(statement), { noted: `published, by the registry's key ${key.keyid}` })
    }))

  it.live("is not when a letter of it is another, its key is unknown, or it is about other bytes or another version", () =>
    Effect.gen(function*() {
      const wrong = "has an attestation that its registry's key did not sign"
      assert.deepStrictEqual(yield* asked(statement.replace("npmjs", "nmpjs")), { wrong })
      assert.deepStrictEqual(yield* asked(statement, []), { wrong })
      const other = { wrong: "has an attestation of something else" }
      assert.deepStrictEqual(yield* asked(statement, [key], { ...attested, version: "0.4.1" }), other)
      assert.deepStrictEqual(yield* asked(statement, [key], { ...attested, integrity: "sha512-AAAA" }), other)
      assert.deepStrictEqual(yield* asked("no JSON"), other)
    }))
})
