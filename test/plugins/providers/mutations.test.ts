/** Whatever is changed in a good token, it is no longer good: each text stands for one token, and each token for one text. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as fc from "fast-check"
import { AUDIENCE, issuerAt, newKey } from "../../kit/issuer.ts"
import { builtProvider, providerHost, verdictOn } from "../../kit/providers.ts"

const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/** What base64 decoders take who mean it well, and what belongs to the form of a token. */
const characters = fc.constantFrom(...BASE64URL, "+", "/", "=", ".", " ", "\n", "\0", "é", "\u{2060}")

const edits = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("replace" as const), at: fc.nat(), text: characters }),
    fc.record({ kind: fc.constant("insert" as const), at: fc.nat(), text: characters }),
    fc.record({ kind: fc.constant("remove" as const), at: fc.nat(), text: fc.constant("") }),
    fc.record({ kind: fc.constant("append" as const), at: fc.constant(0), text: characters })
  ),
  { minLength: 1, maxLength: 3 }
)

type Edit = { readonly kind: "replace" | "insert" | "remove" | "append"; readonly at: number; readonly text: string }

const edited = (token: string, { at, kind, text }: Edit) => {
  const place = at % token.length
  if (kind === "append") return token + text
  return token.slice(0, place) + text + token.slice(kind === "insert" ? place : place + 1)
}

describe("a good token", () => {
  for (const alg of ["RS256", "ES256", "EdDSA"]) {
    it.live(`that is signed with ${alg} is refused after any change of its text`, () =>
      Effect.gen(function*() {
        const issuer = yield* issuerAt()
        const key = yield* Effect.promise(() => newKey("own", alg))
        issuer.answers.keys = [key.public]
        const provider = yield* builtProvider("oidc", { issuer: issuer.issuer })
        const token = yield* Effect.promise(() => issuer.mint({ key }))
        const verdict = (text: string) => Effect.runPromise(verdictOn(provider, text, AUDIENCE))

        yield* Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(edits, async (edits) => {
              const changed = edits.reduce(edited, token)
              fc.pre(changed !== token)
              assert.notStrictEqual(await verdict(changed), "good")
            }),
            { numRuns: 400 }
          ))
        assert.strictEqual(yield* verdictOn(provider, token, AUDIENCE), "good")
      }).pipe(Effect.provide(providerHost)))
  }

  it.live("is refused in another spelling of the same signature", () =>
    Effect.gen(function*() {
      const issuer = yield* issuerAt()
      const key = yield* Effect.promise(() => newKey("own", "RS256"))
      issuer.answers.keys = [key.public]
      const provider = yield* builtProvider("oidc", { issuer: issuer.issuer })
      const token = yield* Effect.promise(() => issuer.mint({ key }))
      const bytes = (text: string) => Buffer.from(text.split(".")[2] ?? "", "base64url").toString("hex")
      const others = [...BASE64URL].map((last) => token.slice(0, -1) + last).filter((text) => text !== token && bytes(text) === bytes(token))
      assert.strictEqual(others.length, 15)
      for (const other of [...others, `${token}==`, `${token}\n`, token.replaceAll("-", "+")].filter((text) => text !== token)) {
        assert.strictEqual(yield* verdictOn(provider, other, AUDIENCE), "malformed")
      }
    }).pipe(Effect.provide(providerHost)))

  it.live("is refused with the parts of another good token", () =>
    Effect.gen(function*() {
      const issuer = yield* issuerAt()
      const provider = yield* builtProvider("oidc", { issuer: issuer.issuer })
      const tokens = yield* Effect.promise(() => Promise.all([issuer.mint(), issuer.mint({ claims: { sub: "eve" } })]))
      const [ada = [], eve = []] = tokens.map((token) => token.split("."))
      assert.strictEqual(yield* verdictOn(provider, [ada[0], ada[1], eve[2]].join("."), AUDIENCE), "signature")
      assert.strictEqual(yield* verdictOn(provider, [eve[0], ada[1], eve[2]].join("."), AUDIENCE), "signature")
      assert.strictEqual(yield* verdictOn(provider, ada.join("."), AUDIENCE), "good")
    }).pipe(Effect.provide(providerHost)))
})
