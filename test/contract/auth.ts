/** What every auth strategy keeps to; for plugin authors as well, see `loader.ts`. */
import { describe, it } from "@effect/vitest"
import { ok } from "node:assert"
import { inspect } from "node:util"
import { Effect, Exit, type Layer, Redacted, type Scope } from "effect"
import type { Plugin } from "#plugin"
import { Registry } from "../../src/host/Registry.ts"
import { type Away, consentContract } from "./consent.ts"
import { type BadConfig, refusesConfig } from "./loader.ts"

export interface AuthContract<E> {
  readonly name: string
  readonly host: Layer.Layer<Registry | Plugin.Lent, E>
  readonly good: unknown
  readonly bad: ReadonlyArray<BadConfig>
  /** For a strategy whose users consent: the other server, which is there for one test at a time. */
  readonly away?: Effect.Effect<Away, never, Scope.Scope>
}

export const authContract = <E>({ name, host, good, bad, away }: AuthContract<E>) => {
  const built = Effect.flatMap(Registry, (registry) => registry.decode("auth", name, good)).pipe(
    Effect.flatMap((part) => part.build)
  )
  const call = (strategy: Plugin.Built["auth"], subject: string) =>
    Effect.exit(strategy.credential({ issuer: "https://id.example.com", subject }, { id: "files" }))

  describe(`the contract of auth strategies: ${name}`, () => {
    for (const { config, at } of bad) refusesConfig({ kind: "auth", name, host }, config, at)

    it.live("answers a hundred callers at once with a credential or a typed refusal, instead of breaking", () =>
      Effect.gen(function*() {
        const strategy = yield* built
        const subjects = Array.from({ length: 100 }, (_, index) => `user-${index}`)
        const answers = yield* Effect.forEach(subjects, (subject) => call(strategy, subject), { concurrency: "unbounded" })
        ok(answers.every((answer) => Exit.isSuccess(answer) || !Exit.hasDies(answer)))
      }).pipe(Effect.provide(host)))

    it.live("keeps the values of its headers out of whatever prints the credential", () =>
      Effect.gen(function*() {
        const answer = yield* Effect.flatMap(built, (strategy) => call(strategy, "ada"))
        if (Exit.isFailure(answer)) return
        const printed = JSON.stringify(answer.value) + inspect(answer.value, { depth: 10 })
        for (const value of Object.values(answer.value.headers)) ok(!printed.includes(Redacted.value(value)))
      }).pipe(Effect.provide(host)))
  })

  if (away !== undefined) consentContract({ name, host, away })
}
