/** Where the egress client goes and where not, with names that resolve as a test says. */
import { assert, describe, it } from "@effect/vitest"
import { createHash } from "node:crypto"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Fiber, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { Egress } from "#plugin"
import { isPublic } from "../../src/host/Addresses.node.ts"
import { egressLayer, egressWith, type Resolve } from "../../src/host/Egress.node.ts"
import { SubjectToken } from "../../src/plugin/SubjectToken.ts"
import { bodyOf, loopback, sendJson } from "../kit/loopback.ts"

const HOME = "http://127.0.0.1:1"
const AWAY = "https://id.example.com"

const reasonOf = (issuer: string, url: string) =>
  Effect.flatMap(Egress.Egress, (egress) => egress.ask(issuer, { url })).pipe(
    Effect.as<string>("answered"),
    Effect.catch(({ reason }) => Effect.succeed(reason))
  )

/** A name service with one answer after the other for any name. */
const naming = (...answers: ReadonlyArray<ReadonlyArray<string>>) => {
  const asked: Array<string> = []
  const resolve: Resolve = (name, _, found) => {
    asked.push(name)
    const addresses = answers[Math.min(asked.length, answers.length) - 1] ?? []
    found(null, addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })))
  }
  return { asked, layer: egressWith(resolve) }
}

describe("an address", () => {
  const special = [
    ["0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.168.1.1", "198.18.0.1", "224.0.0.1", "255.255.255.255"],
    ["::", "::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::a00:1", "2002:a00:1::", "2001::1", "2001:db8::1", "fc00::1", "fd12::1", "fe80::1", "fe80::1%eth0", "ff02::1"],
    ["", "localhost", "8.8.8", "0177.0.0.1"]
  ].flat()
  for (const address of special) it(`${address || "(empty)"} is not public`, () => assert.isFalse(isPublic(address)))
  for (const address of ["8.8.8.8", "93.184.216.34", "172.15.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450:4001::1"]) {
    it(`${address} is public`, () => assert.isTrue(isPublic(address)))
  }
})

describe("the egress client", () => {
  it.live("says how long an answer may be kept, where the answer does", () =>
    Effect.gen(function*() {
      const said = ["", "max-age=60", "public, Max-Age=3600, immutable", "no-store, max-age=60", "no-cache", "s-maxage=9", "max-age=soon"]
      let asked = 0
      const server = yield* loopback(() => (_, response) => {
        response.setHeader("cache-control", said[asked++] ?? "")
        sendJson(response, 200, {})
      })
      const egress = yield* Egress.Egress
      const answers = yield* Effect.forEach(said, () => egress.ask(server.origin, { url: server.origin }))
      assert.deepStrictEqual(answers.map(({ freshFor }) => freshFor), [undefined, 60, 3600, 0, 0, undefined, undefined])
    }).pipe(Effect.scoped, Effect.provide(egressLayer)))

  const refusedAway = [
    "http://id.example.com/jwks",
    "https://10.0.0.1/",
    "https://169.254.169.254/latest",
    "https://[::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://127.0.0.1/",
    "https://0x7f.1/",
    "https://2130706433/",
    "https://0/",
    "https://user@id.example.com/",
    "ftp://id.example.com/",
    "data:application/json,{}",
    "id.example.com"
  ]
  for (const url of refusedAway) {
    it.live(`does not go to ${url} for a public issuer`, () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* reasonOf(AWAY, url), "address")
      }).pipe(Effect.provide(egressLayer)))
  }

  it.live("shows a caller's token to its own issuer, and to nobody else who asks or is named", () =>
    Effect.gen(function*() {
      const heard: Array<string> = []
      const listening = loopback(() => async (request, response) => {
        heard.push(await bodyOf(request))
        sendJson(response, 200, {})
      })
      const [issuer, other] = yield* Effect.all([listening, listening])
      const egress = yield* Egress.Egress
      const token = new SubjectToken({ issuer: issuer.origin, hash: "h", secret: Redacted.make("the-token") })
      const send = (as: string, to: string) => Effect.result(egress.ask(as, { url: `${to}/token`, form: { subject_token: token } }))
      for (const [as, to] of [[other.origin, other.origin], [issuer.origin, other.origin], [other.origin, issuer.origin]] as const) {
        assert.strictEqual((yield* send(as, to))._tag, "Failure")
      }
      assert.deepStrictEqual(heard, [])
      assert.strictEqual((yield* send(issuer.origin, issuer.origin))._tag, "Success")
      assert.deepStrictEqual(heard, ["subject_token=the-token"])
    }).pipe(Effect.scoped, Effect.provide(egressLayer)))

  it.live("goes to loopback in plain http only for an issuer that is there itself", () =>
    Effect.gen(function*() {
      const server = yield* loopback(() => (_, response) => sendJson(response, 200, {}))
      assert.strictEqual(yield* reasonOf(HOME, server.origin), "answered")
      assert.strictEqual(yield* reasonOf(HOME, server.origin.replace("127.0.0.1", "localhost")), "answered")
      for (const issuer of [AWAY, "https://localhost.example.com", "http://127.0.0.1.example.com", "nonsense"]) {
        assert.strictEqual(yield* reasonOf(issuer, server.origin), "address")
      }
      assert.strictEqual(server.requests.length, 2)
    }).pipe(Effect.provide(egressLayer)))

  it.live("goes to no other address inside a network, not even for an issuer on loopback", () =>
    Effect.gen(function*() {
      for (const url of ["https://10.0.0.1/", "https://169.254.169.254/", "http://10.0.0.1/"]) assert.strictEqual(yield* reasonOf(HOME, url), "address")
    }).pipe(Effect.provide(egressLayer)))

  for (const [title, ...answers] of [
    ["leads inside the network", ["10.0.0.1"]],
    ["leads to this machine", ["127.0.0.1"]],
    ["leads inside and outside at once", ["93.184.216.34", "10.0.0.1"]],
    ["leads to a hidden address", ["::ffff:169.254.169.254"]]
  ] as const) {
    it.live(`does not connect where a name ${title}`, () => {
      const names = naming(...answers)
      return Effect.gen(function*() {
        assert.strictEqual(yield* reasonOf(AWAY, "https://id.example.com/jwks"), "address")
        assert.deepStrictEqual(names.asked, ["id.example.com"])
      }).pipe(Effect.provide(names.layer))
    })
  }

  it.live("looks a name up once for a connection and decides on that very answer, so that one which changes its mind gains nothing", () => {
    const names = naming(["192.0.2.1"], ["10.0.0.1"], ["127.0.0.1"])
    return Effect.gen(function*() {
      for (let index = 1; index <= 1000; index++) {
        assert.strictEqual(yield* reasonOf(AWAY, "https://rebinding.example.com/"), "address")
        assert.strictEqual(names.asked.length, index)
      }
    }).pipe(Effect.provide(names.layer))
  })

  it.live("follows no redirect, also not to the same server", () =>
    Effect.gen(function*() {
      const server = yield* loopback(() => (_, response) => void response.writeHead(307, { location: "/there" }).end())
      assert.strictEqual(yield* reasonOf(HOME, `${server.origin}/here`), "redirect")
      assert.deepStrictEqual(server.requests, ["GET /here"])
    }).pipe(Effect.provide(egressLayer)))

  it.live("stops reading an answer that does not end, instead of keeping it", () =>
    Effect.gen(function*() {
      let sent = 0
      const server = yield* loopback(() => (_, response) => {
        const more = (): void => {
          if (response.destroyed) return
          sent += 65_536
          response.write(Buffer.alloc(65_536, 32))
          setImmediate(more)
        }
        more()
      })
      assert.strictEqual(yield* reasonOf(HOME, server.origin), "size")
      assert.isBelow(sent, 64 * 1024 * 1024)
    }).pipe(Effect.provide(egressLayer)))

  it.effect("waits ten seconds for a server that says nothing, and no longer", () =>
    Effect.gen(function*() {
      const asked = Promise.withResolvers<void>()
      const server = yield* loopback(() => () => asked.resolve())
      const waiting = yield* Effect.forkChild(reasonOf(HOME, server.origin))
      yield* Effect.promise(() => asked.promise)
      yield* TestClock.adjust("9 seconds")
      assert.isUndefined(waiting.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(waiting), "time")
    }).pipe(Effect.provide(egressLayer)))

  it.live("gives no JSON for what is none, is nested too deep or is not UTF-8", () =>
    Effect.gen(function*() {
      const texts = ["{\"a\": 1}", "not json", "[".repeat(65) + "]".repeat(65), Buffer.from([0x22, 0xff, 0x22])]
      const server = yield* loopback(() => ({ url }, response) => void response.end(texts[Number(url?.slice(1))]))
      const egress = yield* Egress.Egress
      const bodies = yield* Effect.forEach(texts, (_, index) => egress.ask(HOME, { url: `${server.origin}/${index}` }))
      assert.deepStrictEqual(bodies.map(({ body }) => body), [{ a: 1 }, undefined, undefined, undefined])
    }).pipe(Effect.provide(egressLayer)))

  it.live("sends what it is asked to and nothing besides, and shows no secret when it fails", () =>
    Effect.gen(function*() {
      const seen: Array<{ readonly headers: unknown; readonly body: string }> = []
      const server = yield* loopback(() => (request, response) =>
        void bodyOf(request).then((body) => {
          seen.push({ headers: request.headers, body })
          sendJson(response, 200, {})
        }))
      const egress = yield* Egress.Egress
      const question = {
        url: `${server.origin}/token?tenant=1`,
        form: { token: Redacted.make("s3cret+&"), hint: "access_token" },
        as: { _tag: "Client", id: "a:b", secret: Redacted.make("hunter2 ü") }
      } as const
      yield* egress.ask(HOME, question)
      yield* server.down
      const failed = yield* Effect.flip(egress.ask(HOME, question))

      const [{ body, headers }] = seen as [typeof seen[number]]
      assert.strictEqual(body, "token=s3cret%2B%26&hint=access_token")
      assert.deepStrictEqual(Object.keys(headers as object).sort(), ["accept", "authorization", "connection", "content-length", "content-type", "host", "user-agent"])
      assert.include(headers, { authorization: `Basic ${Buffer.from("a%3Ab:hunter2+%C3%BC").toString("base64")}` })
      assert.strictEqual(failed.message, `${server.origin}/token cannot be reached (ECONNREFUSED)`)
      assert.notMatch(JSON.stringify(failed) + failed.stack, /s3cret|hunter2|tenant/u)
    }).pipe(Effect.provide(egressLayer)))
})

describe("a download", () => {
  const folder = Effect.acquireRelease(Effect.sync(() => mkdtempSync(join(tmpdir(), "manifold-download-"))), (made) => Effect.sync(() => rmSync(made, { recursive: true })))

  it.live("follows redirects to where it may go, takes the hash of what it writes, and stops where that is too much", () =>
    Effect.gen(function*() {
      const server = yield* loopback((own) => (request, response) => {
        const hops = Number(/^\/(\d)/u.exec(request.url ?? "")?.[1] ?? 0)
        if (hops > 0) return response.writeHead(302, { location: `${own}/${hops - 1}` }).end()
        response.end("hello")
      })
      const egress = yield* Egress.Egress
      const directory = yield* folder
      const get = (path: string, most = 5) => egress.download(HOME, `${server.origin}${path}`, { file: join(directory, `${path.slice(1)}-${most}`), most })
      const reason = (effect: ReturnType<typeof get>) => Effect.map(Effect.flip(effect), ({ reason }) => reason)
      assert.strictEqual(yield* get("/5"), createHash("sha256").update("hello").digest("hex"))
      assert.strictEqual(readFileSync(join(directory, "5-5"), "utf8"), "hello")
      assert.strictEqual(yield* reason(get("/6")), "redirect")
      assert.strictEqual(yield* reason(get("/0", 4)), "size")
      assert.strictEqual(yield* reason(get("/5")), "connection", "a file that is there is not written over")
    }).pipe(Effect.provide(egressLayer)))

  it.live("goes nowhere that a question may not, whatever its name leads to", () =>
    Effect.gen(function*() {
      const server = yield* loopback(() => (_, response) => response.end("hello"))
      const names = naming(["10.0.0.1"], ["127.0.0.1"], ["93.184.216.34", "192.168.0.1"])
      const directory = yield* folder
      const attempt = (url: string) =>
        Effect.flatMap(Egress.Egress, (egress) => egress.download(AWAY, url, { file: join(directory, "file"), most: 9 })).pipe(Effect.flip, Effect.map(({ reason }) => reason))
      for (const url of ["https://a.example.com/x", "https://a.example.com/x", "https://a.example.com/x", server.origin, "http://a.example.com/x", "https://10.0.0.1/x", "nonsense"]) {
        assert.strictEqual(yield* Effect.provide(attempt(url), names.layer), "address", url)
      }
      assert.deepStrictEqual(server.requests, [])
    }).pipe(Effect.provide(egressLayer)))
})
