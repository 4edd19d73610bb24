/** The strategy master_oauth: the caller's identity as a credential of its own at the backend, from a real authorization server. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { authorizationServer, CLIENTS } from "../kit/authorizationServer.ts"
import { until } from "../kit/calls.ts"
import { gateway } from "../kit/gateway.ts"
import { resourceServer } from "../kit/resourceServer.ts"
import { modernCall, post, type Reply, textOf } from "../kit/wire.ts"

const started = Effect.fnUntraced(function*(method: "token_exchange" | "client_credentials", more: object = {}) {
  const server = yield* authorizationServer()
  const backend = yield* resourceServer(server.issuer)
  const auth_config = {
    method,
    issuer: server.issuer,
    client_id: CLIENTS.service.id,
    client_secret: CLIENTS.service.secret,
    audience: backend.url,
    scopes: ["mcp"],
    ...more
  }
  const gate = yield* gateway({
    master_oauth: { provider: "oidc", issuer: server.issuer },
    servers: [{ id: "back", type: "remote", url: backend.url, auth_strategy: "master_oauth", auth_config }]
  }, { args: ["--log-level", "debug"] })
  const tokenOf = (user: string) => Effect.map(server.forUser(user, { audience: gate.url }), ({ access_token }) => access_token)
  const call = (token: string): Promise<Reply> => {
    const { body, headers } = modernCall("back__who")
    return post(gate.url, body, { ...headers, authorization: `Bearer ${token}` })
  }
  const whoIs = async (token: string) => JSON.parse(textOf(await until(() => call(token), ({ message }) => message?.result !== undefined)))
  return { ...gate, server, backend, tokenOf, call, whoIs }
})

describe("a server with token exchange", () => {
  it.live("sees each caller under a token of its own, with the gateway as the actor, and never the token they came with", () =>
    Effect.gen(function*() {
      const { backend, stderr, tokenOf, whoIs } = yield* started("token_exchange")
      const [ada, bob] = yield* Effect.all([tokenOf("ada"), tokenOf("bob")])
      const who = yield* Effect.promise(async () => [await whoIs(ada), await whoIs(bob), await whoIs(ada)])
      assert.deepStrictEqual(who.map(({ act, sub }) => [sub, act.sub]), [["ada", "svc"], ["bob", "svc"], ["ada", "svc"]])
      for (const token of [ada, bob]) {
        const signature = token.slice(token.lastIndexOf(".") + 1)
        assert.notInclude(backend.seen().join("\n"), signature)
        assert.notInclude(stderr(), signature)
      }
      for (const sent of backend.seen()) assert.notInclude(stderr(), sent.slice(-40))
    }).pipe(Effect.scoped))

  it.live("keeps what was exchanged: many calls are one question, and many callers are never mixed up", () =>
    Effect.gen(function*() {
      const { server, tokenOf, whoIs } = yield* started("token_exchange")
      const users = Array.from({ length: 10 }, (_, index) => `user-${index}`)
      const tokens = yield* Effect.forEach(users, tokenOf)
      yield* Effect.promise(() => whoIs(tokens[0] ?? ""))
      const before = server.count("POST /token")
      const all = yield* Effect.promise(() => Promise.all(Array.from({ length: 200 }, async (_, index) => {
        const { sub } = await whoIs(tokens[index % users.length] ?? "")
        return sub === users[index % users.length]
      })))
      assert.isTrue(all.every(Boolean))
      assert.strictEqual(server.count("POST /token") - before, users.length - 1)
    }).pipe(Effect.scoped))

  it.live("says so to the caller when the issuer refuses, and sends nothing instead", () =>
    Effect.gen(function*() {
      const { backend, call, tokenOf } = yield* started("token_exchange", { scopes: ["beyond"] })
      const ada = yield* tokenOf("ada")
      const refused = yield* Effect.promise(() => until(() => call(ada), ({ message }) => message?.error?.message.startsWith("Unknown tool") === false))
      assert.match(refused.message?.error?.message ?? "", /^No credential for server "back": the issuer answered 400 invalid_scope$/u)
      assert.strictEqual(backend.calls(), 0)
    }).pipe(Effect.scoped))
})

describe("a server with client credentials", () => {
  it.live("sees the gateway's own client, whoever calls", () =>
    Effect.gen(function*() {
      const { tokenOf, whoIs } = yield* started("client_credentials")
      const [ada, bob] = yield* Effect.all([tokenOf("ada"), tokenOf("bob")])
      const who = yield* Effect.promise(async () => [await whoIs(ada), await whoIs(bob)])
      assert.deepStrictEqual(who.map(({ client }) => client), ["svc", "svc"])
    }).pipe(Effect.scoped))
})
