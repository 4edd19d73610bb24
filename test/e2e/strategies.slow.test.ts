/**
 * What each strategy does when something happens to what it stands on, with the official client in both eras. Each test
 * goes through one row, in the order of its columns: what is true after one is what the next begins with.
 *
 * | | first | reuse | another user | issuer down | server down | revoked | refresh | key of the backend's issuer | key of the sign-in issuer |
 * |---|---|---|---|---|---|---|---|---|---|
 * | bypass_auth | credentials, signIn | – | – | – | lost | – | – | – | signIn |
 * | token_exchange, client_credentials | here | here | here | here | here | here | here | the same issuer: kept keys only, here | here |
 * | gateway_jwt | here | here | here | – | here | here | – | SigningKeys, without a backend | here |
 * | id_jag, delegate_oauth, proxy_oauth | here | here | here | here | here | here | here | here, the old one withdrawn | here |
 *
 * Elsewhere: step-up and URL elicitation (delegateOauth), refresh by many at once and by many processes (delegateOauth,
 * vault/refreshing), consent gone at the issuer (delegateOauth, proxyOauth), no refresh token (both), opaque sign-in (signIn).
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { until } from "../kit/calls.ts"
import { type Behind, behind, type Caller, strategies, type Strategy } from "../kit/strategies.ts"

/** Whom the backend sees when this user calls. */
const seenAs = (strategy: Strategy, user: string): string => strategy === "client_credentials" ? `"client":"svc"` : `"sub":"${user}"`

const needsConsent = (strategy: Strategy): boolean => strategy === "delegate_oauth" || strategy === "id_jag"

const tokensAsked = ({ away, backend }: Behind): number => away?.count("POST /token") ?? new Set(backend.seen()).size

/** Calls until the server answers. */
const answered = (caller: Caller, wanted: string, seconds = 20) => until(caller.call, (said) => said.includes(wanted), seconds)

const first = async (strategy: Strategy, caller: Caller, wanted: string) => {
  if (needsConsent(strategy)) {
    const said = await until(caller.call, (text) => text.includes("/oauth/connect"))
    assert.isTrue(await caller.consent(said))
  }
  await answered(caller, wanted)
}

const reuse = async (all: Behind, caller: Caller, wanted: string) => {
  const before = tokensAsked(all)
  for (const said of await Promise.all(Array.from({ length: 10 }, caller.call))) assert.include(said, wanted)
  assert.strictEqual(tokensAsked(all), before, "what was got is used")
}

const anotherUser = async (strategy: Strategy, { caller }: Behind, ada: Caller) => {
  const bob = await caller("bob")
  if (needsConsent(strategy)) {
    const said = await bob.call()
    assert.include(said, "/oauth/connect", "what one user consents to is no other's")
    assert.isFalse(await ada.consent(said), "nor is a link")
  }
  await first(strategy, bob, seenAs(strategy, "bob"))
  for (const [caller, user] of [[ada, "ada"], [bob, "bob"], [ada, "ada"]] as const) assert.include(await caller.call(), seenAs(strategy, user))
}

const serverDown = async ({ backend }: Behind, caller: Caller, wanted: string) => {
  await Effect.runPromise(backend.down)
  const said = await caller.call()
  assert.match(said, /Server "back" /u)
  assert.notInclude(said, "/oauth/connect")
  await Effect.runPromise(backend.comeBack)
  await answered(caller, wanted)
}

const revoked = async ({ backend }: Behind, caller: Caller, wanted: string) => {
  backend.revokeSeen()
  await answered(caller, wanted)
}

/** Shorter than the time that a token is replaced ahead of its end. */
const SHORT = 20

const refresh = async (all: Behind, caller: Caller, wanted: string) => {
  if (all.away === undefined) return
  all.away.settings.life = SHORT
  await revoked(all, caller, wanted)
  const before = tokensAsked(all)
  all.away.settings.life = 300
  await until(async () => (assert.include(await caller.call(), wanted), tokensAsked(all)), (count) => count > before)
}

const awayKey = async ({ away, home }: Behind, caller: Caller, wanted: string) => {
  if (away === undefined || away === home) return
  await Effect.runPromise(away.rotateKeys("withdraw"))
  // What the old key signed is taken by no backend any more.
  await answered(caller, wanted)
}

const homeKey = async (strategy: Strategy, { caller, home }: Behind, ada: Caller) => {
  await Effect.runPromise(home.rotateKeys("keep"))
  assert.include(await ada.call(), seenAs(strategy, "ada"), "who came before stays")
  const again = await caller("ada")
  await answered(again, seenAs(strategy, "ada"))
}

describe("a server behind", () => {
  for (const strategy of strategies) {
    for (const era of ["legacy", "modern"] as const) {
      it.live(`${strategy} (${era}) is called as who calls, whatever happens around it, and never as anybody else`, () =>
        Effect.gen(function*() {
          const all = yield* behind(strategy, era)
          const wanted = seenAs(strategy, "ada")
          const ada = yield* Effect.promise(() => all.caller("ada"))
          yield* Effect.promise(() => first(strategy, ada, wanted))
          yield* Effect.promise(() => reuse(all, ada, wanted))
          yield* Effect.promise(() => anotherUser(strategy, all, ada))
          yield* Effect.scoped(Effect.gen(function*() {
            if (all.away === undefined) return
            yield* all.away.down
            for (const said of yield* Effect.promise(() => Promise.all([ada.call(), ada.call()]))) assert.include(said, wanted, "a token is good without its issuer")
            yield* all.away.comeBack
          }))
          yield* Effect.promise(() => serverDown(all, ada, wanted))
          yield* Effect.promise(() => revoked(all, ada, wanted))
          yield* Effect.promise(() => refresh(all, ada, wanted))
          yield* Effect.promise(() => awayKey(all, ada, wanted))
          yield* Effect.promise(() => homeKey(strategy, all, ada))
        }).pipe(Effect.scoped))
    }
  }
})
