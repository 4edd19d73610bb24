/** Clients that the manifest does not list: described by a document of their own, or registered by themselves, as far as the manifest allows. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Base } from "../../src/guard/Base.ts"
import { Clients } from "../../src/oauth/server/Clients.ts"
import { isDocument } from "../../src/oauth/server/Documents.ts"
import { allowed, arrived, asking, authorizing, codeForm, manifestWith, pageOf } from "../kit/authorizing.ts"
import { BASE } from "../kit/browsing.ts"
import { loopback, sendJson } from "../kit/loopback.ts"
import { services } from "../kit/oauth.ts"

const NEAR = "http://127.0.0.1:8080"

/** A client on loopback, and a gateway there, which alone may ask it. */
const described = Effect.fnUntraced(function*(more: object = {}, headers: Record<string, string> = {}) {
  const server = yield* loopback((origin) => (_, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    sendJson(response, 200, { client_id: `${origin}/client`, client_name: "Far", redirect_uris: ["http://127.0.0.1/callback"], ...more })
  })
  const { newBrowser, terms } = yield* authorizing({ registration: "cimd" })
  ;(yield* Base).become(NEAR)
  terms.apply(manifestWith({ registration: "cimd" }))
  const { find } = yield* Clients
  return { ...server, id: `${server.origin}/client`, find, newBrowser }
})

describe("a client that a document describes", () => {
  it.live("is known by it, and the document is fetched once in five minutes unless it says otherwise", () =>
    Effect.gen(function*() {
      const { count, find, id } = yield* described()
      const client = yield* find(id)
      assert.deepInclude(client, { id, name: "Far", known: "document" })
      yield* find(id)
      assert.strictEqual(count("GET /client"), 1)
    }).pipe(Effect.scoped, Effect.provide(services)))

  const wrong: ReadonlyArray<readonly [title: string, more: object]> = [
    ["names another client", { client_id: "https://other.example.com/client" }],
    ["has no address to go back to", { redirect_uris: [] }],
    ["has an address that nobody may be sent to", { redirect_uris: ["javascript:alert(1)"] }],
    ["wants to prove itself by a secret, which a document cannot hold", { token_endpoint_auth_method: "client_secret_basic" }],
    ["is none", { redirect_uris: "x" }]
  ]
  for (const [title, more] of wrong) {
    it.live(`is not known where the document ${title}`, () =>
      Effect.gen(function*() {
        const { find, id } = yield* described(more)
        assert.isUndefined(yield* find(id))
      }).pipe(Effect.scoped, Effect.provide(services)))
  }

  it("has an https address with a path as its id; http is for loopback, from a gateway that is there itself", () => {
    const ids: ReadonlyArray<readonly [id: string, base: string, is: boolean]> = [
      ["https://app.example.com/client.json", BASE, true],
      ["https://app.example.com/client?x=1", BASE, true],
      ["https://app.example.com/", BASE, false],
      ["https://app.example.com", BASE, false],
      ["https://app.example.com/a/../b", BASE, false],
      ["https://app.example.com/b#x", BASE, false],
      ["https://user@app.example.com/b", BASE, false],
      ["http://127.0.0.1:9/client", BASE, false],
      ["http://127.0.0.1:9/client", NEAR, true],
      ["http://app.example.com/client", NEAR, false],
      ["file:///client", NEAR, false],
      ["desk", NEAR, false]
    ]
    for (const [id, base, is] of ids) assert.strictEqual(isDocument(id, base), is, id)
  })

  it.live("is asked for nowhere but at public addresses, when the gateway itself is public", () =>
    Effect.gen(function*() {
      const server = yield* loopback(() => (_, response) => sendJson(response, 200, {}))
      const { newBrowser } = yield* authorizing({ registration: "cimd" })
      for (const id of [`${server.origin}/client`, "https://169.254.169.254/latest/meta-data", "https://[::1]/client", "https://10.0.0.1/client"]) {
        assert.strictEqual((yield* newBrowser().get(asking({ client_id: id }))).status, 400)
      }
      assert.deepStrictEqual(server.requests, [])
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.live("is not known at all where the manifest does not say cimd", () =>
    Effect.gen(function*() {
      const { count, find, id } = yield* described()
      const { terms } = yield* authorizing()
      ;(yield* Base).become(NEAR)
      terms.apply(manifestWith({ registration: "dynamic" }))
      assert.isUndefined(yield* find(id))
      assert.strictEqual(count("GET /client"), 0)
    }).pipe(Effect.scoped, Effect.provide(services)))
})

const registering = Effect.fnUntraced(function*() {
  const gateway = yield* authorizing({ registration: "dynamic" })
  const visit = gateway.newBrowser()
  const register = (body: unknown) =>
    Effect.flatMap(visit.post("/oauth/register", JSON.stringify(body), { "content-type": "application/json" }), (response) =>
      Effect.promise(async () => ({ status: response.status, body: Object(await response.json()) as Record<string, unknown> })))
  return { ...gateway, register }
})

const usual = { redirect_uris: ["http://127.0.0.1/callback"], client_name: "Self <made>", token_endpoint_auth_method: "client_secret_post" }

describe("a client that registers itself", () => {
  it.effect("is a public one with the name that it gives, which the consent page says is its own word", () =>
    Effect.gen(function*() {
      const { newBrowser, register, token } = yield* registering()
      const { body, status } = yield* register(usual)
      assert.strictEqual(status, 201)
      assert.deepInclude(body, { token_endpoint_auth_method: "none", client_name: "Self <made>" })
      assert.notProperty(body, "client_secret")
      const client_id = String(body["client_id"])
      const visit = newBrowser()
      const text = yield* pageOf(yield* arrived(visit, asking({ client_id })))
      assert.include(text, "Only the client itself says that this is its name")
      assert.include(text, "any application there could be behind it")
      const back = yield* allowed(visit, asking({ client_id }))
      assert.strictEqual((yield* token(codeForm(back, { client_id }))).status, 200)
    }).pipe(Effect.scoped, Effect.provide(services)))

  const wrong: ReadonlyArray<readonly [title: string, body: unknown, error: string]> = [
    ["no addresses", {}, "invalid_client_metadata"],
    ["an address without https", { redirect_uris: ["http://app.example.com/cb"] }, "invalid_redirect_uri"],
    ["an address of a web application on the user's machine", { redirect_uris: ["http://127.0.0.1/cb"], application_type: "web" }, "invalid_redirect_uri"],
    ["another kind of application", { ...usual, application_type: "other" }, "invalid_client_metadata"],
    ["a grant that is not given here", { ...usual, grant_types: ["password"] }, "invalid_client_metadata"],
    ["twenty-one addresses", { redirect_uris: Array.from({ length: 21 }, (_, index) => `https://a.example.com/${index}`) }, "invalid_client_metadata"],
    ["more than 16 KiB", { ...usual, filler: "x".repeat(17_000) }, "invalid_client_metadata"],
    ["something that is no object", "x", "invalid_client_metadata"]
  ]
  for (const [title, body, error] of wrong) {
    it.effect(`is refused with ${title}`, () =>
      Effect.gen(function*() {
        const { register } = yield* registering()
        assert.deepInclude(yield* Effect.map(register(body), ({ body, status }) => ({ status, error: body["error"] })), { status: 400, error })
      }).pipe(Effect.scoped, Effect.provide(services)))
  }

  it.effect("is forgotten after a day when nobody let it in, and kept when somebody did", () =>
    Effect.gen(function*() {
      const { newBrowser, register } = yield* registering()
      const [unused, used] = yield* Effect.all([register(usual), register(usual)])
      yield* allowed(newBrowser(), asking({ client_id: String(used.body["client_id"]) }))
      yield* TestClock.adjust("25 hours")
      const { find } = yield* Clients
      assert.isUndefined(yield* find(String(unused.body["client_id"])))
      assert.isDefined(yield* find(String(used.body["client_id"])))
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("is one of twenty a minute from one address, and of a thousand at all", () =>
    Effect.gen(function*() {
      const { register } = yield* registering()
      for (let minute = 0; minute < 50; minute++) {
        for (let count = 0; count < 20; count++) assert.strictEqual((yield* register(usual)).status, 201)
        if (minute === 0) assert.strictEqual((yield* register(usual)).status, 429)
        yield* TestClock.adjust("61 seconds")
      }
      assert.strictEqual((yield* register(usual)).status, 503)
      yield* TestClock.adjust("1 day")
      assert.strictEqual((yield* register(usual)).status, 201)
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("finds nobody to register with where the manifest does not say dynamic", () =>
    Effect.gen(function*() {
      const { register, terms } = yield* registering()
      terms.apply(manifestWith({ registration: "cimd" }))
      assert.strictEqual((yield* register(usual)).status, 404)
    }).pipe(Effect.scoped, Effect.provide(services)))
})
