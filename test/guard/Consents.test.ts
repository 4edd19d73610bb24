import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Base } from "../../src/guard/Base.ts"
import { Consents, type Invited } from "../../src/guard/Consents.ts"
import { Store } from "../../src/store/Store.ts"

const services = Consents.layer.pipe(Layer.provideMerge(Layer.mergeAll(Base.layer, Store.memory)))

const ada = { issuer: "https://id.example.com", subject: "ada" }
const asked = { server: "back", scopes: ["read"], principal: ada }
const ticketIn = (url: string) => new URL(url).searchParams.get("ticket") ?? ""

describe("an invitation to consent", () => {
  it.effect("is one link for a user while it is good for a while, and another for another user, server or scope", () =>
    Effect.gen(function*() {
      ;(yield* Base).become("https://gw.example.com")
      const { invite } = yield* Consents
      const { url } = yield* invite(asked)
      assert.match(url, /^https:\/\/gw\.example\.com\/oauth\/connect\?ticket=[\w-]{43}$/u)
      assert.strictEqual((yield* invite(asked)).url, url)
      const others = [{ ...asked, principal: { ...ada, subject: "bob" } }, { ...asked, server: "other" }, { ...asked, scopes: ["read", "write"] }]
      for (const other of others) assert.notStrictEqual((yield* invite(other)).url, url)
      yield* TestClock.adjust("9 minutes")
      assert.notStrictEqual((yield* invite(asked)).url, url, "one that ends soon is not given again")
    }).pipe(Effect.provide(services)))

  it.effect("says nothing of the user, is known by its ticket for ten minutes, and no more when it is spent", () =>
    Effect.gen(function*() {
      ;(yield* Base).become("https://gw.example.com")
      const { invite, invited, spend } = yield* Consents
      const { url } = yield* invite(asked)
      assert.notInclude(url, "ada")
      const ticket = ticketIn(url)
      assert.deepInclude(yield* invited(ticket), { server: "back", subject: "ada", scopes: ["read"] })
      for (const wrong of ["", `${ticket}x`, ticket.toUpperCase()]) assert.isUndefined(yield* invited(wrong))
      const rows = yield* (yield* Store).list("consent_tickets", "")
      assert.notInclude(JSON.stringify(rows), ticket, "who reads the store cannot use it")
      yield* spend(ticket)
      assert.isUndefined(yield* invited(ticket))
      const later = ticketIn((yield* invite({ ...asked, server: "other" })).url)
      yield* TestClock.adjust("10 minutes")
      assert.isUndefined(yield* invited(later))
    }).pipe(Effect.provide(services)))

  it.effect("is pending until its user has consented, which everybody who listens hears", () =>
    Effect.gen(function*() {
      ;(yield* Base).become("https://gw.example.com")
      const { granted, invite, invited, onGranted, pending } = yield* Consents
      const { url } = yield* invite(asked)
      yield* invite({ ...asked, principal: { ...ada, subject: "bob" } })
      assert.deepStrictEqual(pending("back").map(({ principal }) => principal.subject), ["ada", "bob"])
      const heard: Array<Invited> = []
      const stop = onGranted((one) => void heard.push(one))
      const done = yield* invited(ticketIn(url))
      if (done !== undefined) granted(done)
      stop()
      assert.deepStrictEqual(heard.map(({ subject }) => subject), ["ada"])
      assert.deepStrictEqual(pending("back").map(({ principal }) => principal.subject), ["bob"])
      yield* TestClock.adjust("11 minutes")
      assert.deepStrictEqual(pending("back"), [])
    }).pipe(Effect.provide(services)))
})
