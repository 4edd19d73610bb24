/** Nobody fills the store: what one user or one address can leave there has an end. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Clients } from "../../src/oauth/server/Clients.ts"
import { Store } from "../../src/store/Store.ts"
import { allowed, asking, authorizing, codeForm } from "../kit/authorizing.ts"
import { services } from "../kit/oauth.ts"

const count = (table: string) => Effect.flatMap(Store, (store) => Effect.map(store.list(table, ""), ({ length }) => length))

describe("what is kept", () => {
  it.effect("of one user's grants is a hundred: the oldest ends, and another user's stay", () =>
    Effect.gen(function*() {
      const { newBrowser, subjectOf, token } = yield* authorizing()
      const [ada, bob] = [newBrowser(), newBrowser()]
      const tokenFor = Effect.fnUntraced(function*(visit: typeof ada, user: string) {
        return (yield* token(codeForm(yield* allowed(visit, asking(), user)))).body["access_token"]
      })
      const bobs = yield* tokenFor(bob, "bob")
      const first = yield* tokenFor(ada, "ada")
      yield* TestClock.adjust("1 second")
      const second = yield* tokenFor(ada, "ada")
      for (let more = 2; more < 101; more++) {
        yield* TestClock.adjust("1 second")
        yield* tokenFor(ada, "ada")
      }
      assert.strictEqual(yield* subjectOf(first), "inactive")
      for (const token of [second, bobs]) assert.include(yield* subjectOf(token), "@https://id.example.com")
      assert.strictEqual(yield* count("oauth_grants"), 101)
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("of what one user allowed is two hundred, such as for a client that comes from another port each time", () =>
    Effect.gen(function*() {
      const { newBrowser } = yield* authorizing()
      const visit = newBrowser()
      for (let port = 0; port < 205; port++) {
        yield* TestClock.adjust("1 second")
        assert.include((yield* allowed(visit, asking({ redirect_uri: `http://127.0.0.1:${5000 + port}/callback` }))).search, "code=")
      }
      assert.strictEqual(yield* count("oauth_consents"), 200)
      const last = yield* visit.get(asking({ redirect_uri: "http://127.0.0.1:5204/callback" }))
      assert.strictEqual(last.status, 303, "the latest are remembered")
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("is asked for three hundred times a minute from one address, and then has to wait", () =>
    Effect.gen(function*() {
      const { newBrowser } = yield* authorizing()
      const visit = newBrowser()
      for (let times = 0; times < 300; times++) yield* visit.get(asking({ client_id: "other" }))
      assert.strictEqual((yield* visit.get(asking())).status, 429)
      yield* TestClock.adjust("61 seconds")
      assert.strictEqual((yield* visit.get(asking())).status, 303)
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("of a document is not asked for when the client only shows a token, which says whose it is", () =>
    Effect.gen(function*() {
      yield* authorizing({ registration: "cimd" })
      const { proofOf } = yield* Clients
      const id = "https://nowhere.invalid/client"
      assert.deepStrictEqual(yield* proofOf(id), { id, secret: undefined })
    }).pipe(Effect.scoped, Effect.provide(services)))
})
