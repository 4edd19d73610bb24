/** The gateway listens on https itself, and machines call with a client certificate (mutual TLS). */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { request } from "node:https"
import { join, resolve } from "node:path"
import { until } from "../kit/calls.ts"
import { authority, certificate } from "../kit/certificates.ts"
import { gateway, startGateway } from "../kit/gateway.ts"
import { modernCall } from "../kit/wire.ts"

const near = { id: "near", type: "local", path: resolve("test/fixtures/servers/watched.mjs"), auth_strategy: "bypass_auth" }

const prepare = async (directory: string) => {
  authority(directory, "ours")
  authority(directory, "theirs")
  certificate(directory, { by: "ours", name: "gateway", names: "IP:127.0.0.1" })
  certificate(directory, { by: "ours", name: "robot" })
  certificate(directory, { by: "ours", name: "service", names: "URI:spiffe://example.org/service" })
  certificate(directory, { by: "ours", name: "other" })
  certificate(directory, { by: "theirs", name: "robot-of-theirs" })
}

const access = {
  roles: [
    { name: "robots", when: [{ issuer: "manifold:certificates:ours", subject: "robot" }] },
    { name: "services", when: [{ issuer: "manifold:certificates:ours", subject: "spiffe://example.org/service" }] }
  ],
  rules: [{ effect: "allow", roles: ["robots", "services"], servers: ["near"] }]
}

const started = Effect.gen(function*() {
  const gate = yield* gateway({
    version: 1,
    hosting: { host: "127.0.0.1", port: 0, tls: { certificate: "gateway.pem", key: "gateway.key", client_ca: "ours.pem" } },
    access,
    servers: [near]
  }, { prepare })
  const file = (name: string) => readFileSync(join(gate.directory, name))
  const call = (as?: string, more: Record<string, string> = {}) => {
    const { body, headers } = modernCall("near__heard")
    return new Promise<{ status: number; text: string }>((settle, fail) => {
      const certificateOf = as === undefined ? {} : { cert: file(`${as}.pem`), key: file(`${as}.key`) }
      const asked = request(gate.url, {
        method: "POST",
        ca: file("ours.pem"),
        agent: false,
        ...certificateOf,
        headers: { "content-type": "application/json", accept: "application/json, text/event-stream", ...headers, ...more }
      }, (response) => {
        let text = ""
        response.on("data", (chunk: Buffer) => text += chunk.toString())
        response.on("end", () => settle({ status: response.statusCode ?? 0, text }))
      })
      asked.once("error", fail)
      asked.end(typeof body === "string" ? body : JSON.stringify(body))
    })
  }
  return { ...gate, call }
})

describe("Mutual TLS", () => {
  it.live("lets a machine in as its certificate's URI or name, and nobody with none, or one of another authority", () =>
    Effect.gen(function*() {
      const { call, url } = yield* started
      yield* Effect.promise(async () => {
        assert.match(url, /^https:\/\/127\.0\.0\.1:/u)
        await until(() => call("robot"), ({ status, text }) => status === 200 && !text.includes("error"))
        assert.notInclude((await call("service")).text, "error")
        // Of our authority, but nothing in the manifest lets it in.
        assert.include((await call("other")).text, "error")
        assert.deepStrictEqual([(await call()).status, (await call("robot-of-theirs")).status], [401, 401])
        // A certificate does not stand in for a token that is wrong, and the origin is the https one.
        assert.strictEqual((await call("robot", { authorization: "Bearer eyJ.a.b" })).status, 401)
        assert.strictEqual((await call("robot", { origin: new URL(url).origin })).status, 200)
        assert.strictEqual((await call("robot", { origin: new URL(url).origin.replace("https", "http") })).status, 403)
      })
    }).pipe(Effect.scoped))

  it.live("does not start without its files, and says which one is missing", () =>
    Effect.gen(function*() {
      const failed = yield* Effect.promise(() => startGateway({
        version: 1,
        hosting: { host: "127.0.0.1", port: 0, tls: { certificate: "missing.pem", key: "gateway.key" } }
      }).then(() => "started", String))
      assert.match(failed, /ENOENT \(.*missing\.pem\)/u)
    }))
})
