/** What every strategy keeps to whose users consent: what one user grants is that user's alone, and gone when it is given up. */
import { describe, it } from "@effect/vitest"
import { deepStrictEqual, notStrictEqual, ok, strictEqual } from "node:assert"
import { createHash, randomBytes } from "node:crypto"
import { inspect } from "node:util"
import { Effect, Exit, type Layer, Redacted, type Scope } from "effect"
import type { Auth, Plugin } from "#plugin"
import { Registry } from "../../src/host/Registry.ts"
import { ownRows, RETURN_ADDRESS } from "../kit/ownRows.ts"

/** The server where users consent. */
export interface Away {
  /** A good config for it. */
  readonly config: unknown
  /** The address of the backend, where the strategy asks for one. */
  readonly resource?: string
  /** Goes to the address as this user, who agrees; gives the code that the user is sent back with. */
  readonly codeAt: (url: string, user: string) => Promise<string>
}

interface ConsentContract<E> {
  readonly name: string
  readonly host: Layer.Layer<Registry | Plugin.Lent, E>
  readonly away: Effect.Effect<Away, never, Scope.Scope>
}

const ISSUER = "https://id.example.com"
const userOf = (subject: string, issuer = ISSUER): Auth.Principal => ({ issuer, subject })
const SERVER = { id: "files" }

const random = () => randomBytes(32).toString("base64url")

const leaving = (scopes: ReadonlyArray<string>) => {
  const codeVerifier = random()
  const nonce = random()
  const codeChallenge = createHash("sha256").update(codeVerifier).digest("base64url")
  return { codeVerifier, nonce, scopes, begin: { state: random(), codeChallenge, redirectUri: RETURN_ADDRESS, nonce, scopes } }
}

const started = Effect.fnUntraced(function*(name: string, away: ConsentContract<never>["away"]) {
  const { codeAt, config, resource } = yield* away
  const registry = yield* Registry
  const part = yield* registry.decode("auth", name, config, yield* ownRows(resource))
  const strategy = yield* part.build
  const { consent } = strategy
  if (consent === undefined) throw new Error("the strategy has no consent")

  const finished = (principal: Auth.Principal, code: string, { codeVerifier, nonce, scopes }: ReturnType<typeof leaving>) =>
    consent.finish({ principal, code: Redacted.make(code), codeVerifier: Redacted.make(codeVerifier), redirectUri: RETURN_ADDRESS, nonce, scopes })

  const consented = Effect.fnUntraced(function*(principal: Auth.Principal) {
    const left = leaving(consent.scopes)
    const { url } = yield* consent.begin(left.begin)
    const code = yield* Effect.promise(() => codeAt(url, principal.subject))
    return yield* finished(principal, code, left)
  })

  const outcome = (principal: Auth.Principal) =>
    Effect.match(strategy.credential(principal, SERVER), {
      onFailure: ({ _tag }): string => _tag,
      onSuccess: ({ headers }) => JSON.stringify(Object.values(headers).map(Redacted.value))
    })
  return { consent, consented, finished, outcome, strategy }
})

export const consentContract = <E>({ name, host, away }: ConsentContract<E>) => {
  const ada = userOf("ada")
  const bob = userOf("bob")

  describe(`the contract of strategies with consent: ${name}`, () => {
    it.live("leads each user away with the state and the challenge of that time, and keeps nothing by that", () =>
      Effect.gen(function*() {
        const { consent, outcome } = yield* started(name, away)
        const [one, other] = [leaving(consent.scopes), leaving(consent.scopes)]
        const [first, second, again] = yield* Effect.all([consent.begin(one.begin), consent.begin(other.begin), consent.begin(one.begin)])
        notStrictEqual(first.url, second.url)
        deepStrictEqual(again, first)
        strictEqual(first.issuer, second.issuer)
        const asked = new URL(first.url).searchParams
        strictEqual(asked.get("state"), one.begin.state)
        strictEqual(asked.get("code_challenge"), one.begin.codeChallenge)
        strictEqual(asked.get("code_challenge_method"), "S256")
        strictEqual(asked.get("redirect_uri"), RETURN_ADDRESS)
        ok(!first.url.includes(one.codeVerifier))
        strictEqual(yield* outcome(ada), "ConsentNeeded")
      }).pipe(Effect.provide(host)))

    it.live("has a credential for who consented, and nothing for another user, also not one of the same name elsewhere", () =>
      Effect.gen(function*() {
        const { consent, consented, outcome } = yield* started(name, away)
        const others = [bob, userOf("ada", "https://other.example.com"), userOf("", ISSUER)]
        strictEqual(yield* consent.has(ada), false)
        deepStrictEqual(yield* consented(ada), ada)
        strictEqual(yield* consent.has(ada), true)
        const own = yield* outcome(ada)
        notStrictEqual(own, "ConsentNeeded")
        for (const other of others) {
          strictEqual(yield* consent.has(other), false)
          strictEqual(yield* outcome(other), "ConsentNeeded")
        }
        yield* consented(bob)
        notStrictEqual(yield* outcome(bob), own)
        strictEqual(yield* outcome(ada), own)
      }).pipe(Effect.provide(host)))

    it.live("grants nothing for a code that is not good, and does not repeat the code", () =>
      Effect.gen(function*() {
        const { consent, finished, outcome } = yield* started(name, away)
        const code = random()
        const answer = yield* Effect.exit(finished(ada, code, leaving(consent.scopes)))
        ok(Exit.isFailure(answer) && !Exit.hasDies(answer))
        ok(!inspect(answer, { depth: 10 }).includes(code), "it repeats the code")
        strictEqual(yield* consent.has(ada), false)
        strictEqual(yield* outcome(ada), "ConsentNeeded")
      }).pipe(Effect.provide(host)))

    it.live("forgets what one user granted, or all of it, and then asks anew", () =>
      Effect.gen(function*() {
        const { consent, consented, outcome } = yield* started(name, away)
        for (const user of [ada, bob]) {
          yield* consented(user)
          notStrictEqual(yield* outcome(user), "ConsentNeeded")
        }
        strictEqual(yield* consent.forget(userOf("ada", "https://other.example.com")), 0)
        strictEqual(yield* consent.forget(ada), 1)
        strictEqual(yield* consent.has(ada), false)
        strictEqual(yield* outcome(ada), "ConsentNeeded")
        notStrictEqual(yield* outcome(bob), "ConsentNeeded")
        strictEqual(yield* consent.forget(undefined), 1)
        strictEqual(yield* outcome(bob), "ConsentNeeded")
        yield* consented(ada)
        notStrictEqual(yield* outcome(ada), "ConsentNeeded")
      }).pipe(Effect.provide(host)))

    it.live("keeps the values of its headers out of whatever prints the credential of a user", () =>
      Effect.gen(function*() {
        const { consented, strategy } = yield* started(name, away)
        yield* consented(ada)
        const credential = yield* strategy.credential(ada, SERVER)
        const printed = JSON.stringify(credential) + inspect(credential, { depth: 10 })
        for (const value of Object.values(credential.headers)) ok(!printed.includes(Redacted.value(value)))
      }).pipe(Effect.provide(host)))
  })
}
