/** Clients that registered themselves (RFC 7591): a bounded number of them, and who is not let in by anybody within a day is forgotten. */
import { Clock, Effect, Schema } from "effect"
import { Store } from "../../store/Store.ts"
import { randomText } from "../Random.ts"
import type { Client } from "./Client.ts"
import { table } from "./Rows.ts"

const UNUSED = 24 * 60 * 60 * 1000
const USED = 90 * 24 * 60 * 60 * 1000
const MOST = 1000

const Registered = Schema.Struct({ name: Schema.String, redirectUris: Schema.Array(Schema.String), registered: Schema.Finite })
export type Registered = typeof Registered.Type

const clients = table("oauth_clients", Registered)

/** Nothing where there are too many already. */
export const register = Effect.fnUntraced(function*({ name, redirectUris }: Omit<Registered, "registered">) {
  if ((yield* clients.keys("")).length >= MOST) return undefined
  const registered = yield* Clock.currentTimeMillis
  const id = `dyn_${randomText()}`
  const change = yield* clients.writing(id, { name, redirectUris, registered }, { expires: registered + UNUSED })
  yield* Effect.catchTag((yield* Store).apply([change]), "RowChanged", Effect.die)
  return { id, registered }
})

export const registeredClient = Effect.fnUntraced(function*(id: string) {
  const found = yield* clients.find(id)
  if (found === undefined) return undefined
  const client: Client = { id, name: found.value.name, known: "registered", redirectUris: found.value.redirectUris, secret: undefined }
  return client
})

/** Keeps it for longer: a user lets it in. */
export const used = Effect.fnUntraced(function*(id: string) {
  const found = yield* clients.find(id)
  if (found === undefined) return
  const expires = (yield* Clock.currentTimeMillis) + USED
  const change = yield* clients.writing(id, found.value, { expires, over: found })
  yield* Effect.catchTag((yield* Store).apply([change]), "RowChanged", () => Effect.void)
})
