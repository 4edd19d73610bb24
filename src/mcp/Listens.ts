/**
 * `subscriptions/listen` (2026-07-28, basic/patterns/subscriptions): acknowledges what
 * it honours first, then tells what changes, each message tagged with the client's id.
 */
import { Array as Arr, Context, Effect } from "effect"
import { META } from "../backend/Era.ts"
import { Catalogue, type Change } from "../catalogue/Catalogue.ts"
import type { Kind } from "../catalogue/Definition.ts"
import { isRecord } from "../lib/Record.ts"
import { Router } from "../router/Router.ts"
import { askable } from "./Askable.ts"
import { uriAt } from "./UriAt.ts"
import { CODE, errorOf, type Exchange, resultOf } from "./Exchange.ts"
import type { Message } from "./Inbound.ts"
import { Shares } from "./Shares.ts"
import { taskNotice } from "./TaskNotice.ts"

/** The notification that says a merged list changed. */
export const LIST_CHANGED: Readonly<Record<Kind, string>> = {
  tools: "notifications/tools/list_changed",
  prompts: "notifications/prompts/list_changed",
  resources: "notifications/resources/list_changed",
  templates: "notifications/resources/list_changed"
}

const FILTER: Readonly<Record<Kind, string>> = {
  tools: "toolsListChanged",
  prompts: "promptsListChanged",
  resources: "resourcesListChanged",
  templates: "resourcesListChanged"
}

/** Most listens of one principal at once. */
export const MOST_OF_ONE = 256

const Open = Context.Reference<Shares>("manifold/mcp/Listens/Open", { defaultValue: () => new Shares(MOST_OF_ONE) })

/** Most resources, and most tasks, that one listen may name. */
const NAMED = 1000

/**
 * Answers only when the gateway stops: the listen lives as long as its stream. Only the
 * waiting can be interrupted, so that what it subscribed to is always taken back.
 */
export const listen = Effect.fnUntraced(function*(id: string, { meta, values }: Message, exchange: Exchange) {
  const catalogue = yield* Catalogue
  const router = yield* Router
  const { principal } = exchange
  const giveBack = (yield* Open).take(principal)
  if (giveBack === undefined) return exchange.respond(429, errorOf(id, CODE.internal, "You listen too often at once; end one first"))
  // The acknowledgement is the first message, and true when it is sent: what comes before it waits for it.
  const early: Array<string> = []
  let send = (text: string): void => void early.push(text)
  const asked = isRecord(values["notifications"]) ? values["notifications"] : {}
  const lists = ["toolsListChanged", "promptsListChanged", "resourcesListChanged"].filter((name) => asked[name] === true)
  const uris = textsIn(asked["resourceSubscriptions"])
  const taskIds = textsIn(asked["taskIds"])
  const tasks = yield* Effect.forEach(taskIds, (taskId) =>
    Effect.option(Effect.map(router.follow(taskId, principal), (followed) => ({ ...followed, taskId })))).pipe(Effect.map(Arr.getSomes))
  const sharer = { principal, server: exchange.server, capabilities: askable(meta[META.capabilities]) }
  const releases = yield* Effect.forEach(uris, (uri) => Effect.option(router.subscribe(uri, sharer, () => send(updated(uri)))))
  const honoured = new Set(uris.filter((_, index) => releases[index]?._tag === "Some"))

  const tag = { _meta: { [META.subscription]: JSON.parse(id) } }
  const written = (method: string, params: object) => JSON.stringify({ jsonrpc: "2.0", method, params: { ...tag, ...params } })
  const updated = (uri: string) => written("notifications/resources/updated", { uri })
  const sees = (server: string) => catalogue.current().access?.sightOf(principal).sees(server) ?? true
  const textsOf = (change: Change): ReadonlyArray<string> => {
    switch (change._tag) {
      case "Updated":
        return [uriAt(catalogue.current(), exchange, change)].flatMap((uri) => uri !== undefined && honoured.has(uri) ? [updated(uri)] : [])
      case "Listed":
        return [...methodsFor(change.kindsFor(exchange.server, principal), lists)].map((method) => written(method, {}))
      case "Elicited":
        return []
      case "Task":
        return tasks.filter((task) => task.server === change.server && task.replica === change.replica && task.id === change.id && sees(change.server))
          .map(({ taskId }) => taskNotice(change.text, taskId, id))
    }
  }
  const stop = catalogue.onChange((change) => textsOf(change).forEach((text) => send(text)))
  yield* router.hears
  send = exchange.send
  exchange.stream()
  send(written("notifications/subscriptions/acknowledged", {
    notifications: {
      ...Object.fromEntries(lists.map((name) => [name, true])),
      ...(honoured.size === 0 ? {} : { resourceSubscriptions: [...honoured] }),
      ...(tasks.length === 0 ? {} : { taskIds: tasks.map(({ taskId }) => taskId) })
    }
  }))
  for (const text of early) send(text)
  return yield* Effect.interruptible(Effect.never).pipe(Effect.ensuring(Effect.sync(() => {
    stop()
    giveBack()
    for (const release of releases) if (release._tag === "Some") release.value()
    for (const task of tasks) task.stop()
    exchange.respond(200, resultOf(id, JSON.stringify({ resultType: "complete", ...tag })))
  })))
}, Effect.uninterruptible)

const textsIn = (value: unknown): ReadonlyArray<string> =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === "string").slice(0, NAMED) : []

const methodsFor = (kinds: ReadonlySet<Kind>, lists: ReadonlyArray<string>): ReadonlySet<string> =>
  new Set([...kinds].filter((kind) => lists.includes(FILTER[kind])).map((kind) => LIST_CHANGED[kind]))
