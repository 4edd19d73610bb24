/** What every identity provider keeps to; for plugin authors as well, see `loader.ts`. */
import { describe, it } from "@effect/vitest"
import { ok, strictEqual } from "node:assert"
import { inspect } from "node:util"
import { Effect, Exit, type Layer, Redacted } from "effect"
import type { Plugin } from "#plugin"
import { Registry } from "../../src/host/Registry.ts"
import { type BadConfig, refusesConfig } from "./loader.ts"

export interface ProviderContract<E> {
  readonly name: string
  readonly host: Layer.Layer<Registry | Plugin.Lent, E>
  readonly good: unknown
  readonly bad: ReadonlyArray<BadConfig>
  /** A token that is good for an audience with the good config; without it only refusals are tried. */
  readonly token?: { readonly text: string; readonly audience: string }
}

const AUDIENCE = "https://gw.example.com/mcp"

/** Nobody's tokens: nothing, noise, what other servers give out, and what trips parsers. */
const strange = [
  "",
  " ",
  "null",
  "undefined",
  ".",
  "..",
  "a.b.c",
  "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
  "mfk_0123456789abcdef",
  "gho_16C7e42F292c6912E7710c838347Ae178B4a",
  "%00%0d%0a",
  "../../../etc/passwd",
  "' OR 1=1 --",
  "{\"sub\":\"admin\"}",
  "ü".repeat(100),
  "a".repeat(100_000)
]

export const providerContract = <E>({ name, host, good, bad, token }: ProviderContract<E>) => {
  const built = Effect.flatMap(Registry, (registry) => registry.decode("provider", name, good)).pipe(
    Effect.flatMap((part) => part.build)
  )

  describe(`the contract of identity providers: ${name}`, () => {
    for (const { config, at } of bad) refusesConfig({ kind: "provider", name, host }, config, at)

    it.live("names its issuer, and how long an answer of its own may be believed: a minute at most", () =>
      Effect.gen(function*() {
        const { believedFor, issuer } = yield* built
        ok(issuer !== "")
        ok(believedFor >= 0 && believedFor <= 60_000)
      }).pipe(Effect.provide(host)))

    it.live("answers what is no token of its own with a typed refusal that does not repeat it, instead of breaking or letting anybody in", () =>
      Effect.gen(function*() {
        const provider = yield* built
        const answers = yield* Effect.forEach(strange, (text) => Effect.exit(provider.validate(Redacted.make(text), AUDIENCE)), { concurrency: "unbounded" })
        for (const [index, answer] of answers.entries()) {
          const text = strange[index] ?? ""
          ok(Exit.isFailure(answer) && !Exit.hasDies(answer), `let in or broke: ${text.slice(0, 50)}`)
          ok(text.length < 5 || !inspect(answer, { depth: 10 }).includes(text), `repeats ${text.slice(0, 50)}`)
        }
      }).pipe(Effect.provide(host)))

    if (token === undefined) return

    it.live("says who a good token speaks for, and refuses it for another audience or after any change", () =>
      Effect.gen(function*() {
        const provider = yield* built
        const verdict = (text: string, audience: string) => Effect.exit(provider.validate(Redacted.make(text), audience))
        const { expires, issuer, subject } = yield* provider.validate(Redacted.make(token.text), token.audience)
        strictEqual(issuer, provider.issuer)
        ok(subject !== "" && expires > Date.now() / 1000)
        ok(Exit.isFailure(yield* verdict(token.text, `${token.audience}/`)), "good for another audience")
        for (const changed of [`${token.text}x`, token.text.slice(1), token.text.toUpperCase()]) {
          ok(changed === token.text || Exit.isFailure(yield* verdict(changed, token.audience)), "good after a change")
        }
      }).pipe(Effect.provide(host)))
  })
}
