/** Revision 2026-07-28: stateless; every request says itself who the client is and what it can do. */
import { Effect } from "effect"
import { LEGACY_VERSIONS, META, MODERN_VERSION } from "../../backend/Era.ts"
import { LogLevels } from "../../backend/LogLevels.ts"
import { Catalogue } from "../../catalogue/Catalogue.ts"
import { headersFor } from "../../catalogue/ParamHeaders.ts"
import type { Snapshot } from "../../catalogue/Snapshot.ts"
import { askable } from "../Askable.ts"
import { relayAsking } from "../Asking.ts"
import { CODE, errorOf, type Exchange, resultOf } from "../Exchange.ts"
import { instructionsOf, MODERN_CAPABILITIES, SERVER_INFO } from "../Identity.ts"
import type { Message } from "../Inbound.ts"
import { isLevel, reaches } from "../Levels.ts"
import { listen } from "../Listens.ts"
import { LIST_METHODS, listAnswer } from "../Lists.ts"
import { type Meta, metaOf, requestOf } from "../Meta.ts"
import { answerTo, relay } from "../Relay.ts"
import { TASK_METHODS } from "../../router/Tasks.ts"
import { ELICITATION_COMPLETE, isDeclined } from "../UrlElicitation.ts"
import { check, decoded, type Refusal } from "./ModernChecks.ts"

/** What a server may answer with a question to the user (basic/patterns/mrtr). */
const ASKING = new Set(["tools/call", "prompts/get", "resources/read"])
const RELAYED = new Set([...ASKING, "completion/complete", ...TASK_METHODS])
const OWN = new Set(["server/discover", "subscriptions/listen"])

const serverMeta = `"_meta":${JSON.stringify({ [META.server]: SERVER_INFO })}`
/** A merged list depends on who may see what, and on servers that come and go. */
const listFields = `,"resultType":"complete","ttlMs":0,"cacheScope":"private",${serverMeta}`

/** Whether a message is one of this era: it says so in its envelope or its header, or is a method only this era has. */
export const isModern = (exchange: Pick<Exchange, "header">, { meta, method }: Message): boolean =>
  meta[META.version] !== undefined ||
  (method !== "initialize" && (exchange.header("mcp-protocol-version") === MODERN_VERSION || OWN.has(method)))

export const handle = Effect.fnUntraced(function*(message: Message, exchange: Exchange) {
  const { id, method, values } = message
  // The only notification of a client, `cancelled`, is of channels and handled there.
  if (id === undefined) return exchange.end(202)
  const kind = LIST_METHODS.get(method)
  if (kind === undefined && !RELAYED.has(method) && !OWN.has(method)) {
    return exchange.respond(404, errorOf(id, CODE.methodNotFound, `Unknown method: ${method}`))
  }
  const catalogue = yield* Catalogue
  if (kind !== undefined) yield* catalogue.current().look(exchange.server, exchange.principal)
  const snapshot = catalogue.current().at(exchange.server, exchange.principal)
  const refusal = check(exchange, message) ?? checkParamHeaders(exchange, message, snapshot)
  if (refusal !== undefined) return refuse(exchange, id, refusal)

  if (exchange.prefersStream) exchange.stream()
  if (kind !== undefined) {
    return exchange.respond(200, listAnswer(id, snapshot, { kind, era: "modern", cursor: values["cursor"], fields: listFields }))
  }
  if (method === "server/discover") return exchange.respond(200, resultOf(id, discovered(snapshot)))
  if (method === "subscriptions/listen") return yield* listen(id, message, exchange)
  if (isDeclined(values["inputResponses"])) {
    return exchange.respond(200, errorOf(id, CODE.internal, "The user did not open the address that the server asked for"))
  }
  const relayed = relayedFrom(message, exchange)
  const relaying = relayed.caller.capabilities === "{}" || !ASKING.has(method)
    ? relay({ era: "modern", id, answer: answerTo(exchange, id), ...relayed })
    : relayAsking({ id, message, exchange, ...relayed })
  const level = message.meta[META.logLevel]
  return yield* isLevel(level) ? hearing(level, relaying) : relaying
})

/** A legacy server has to be told what the request wants to hear, for as long as it runs. */
const hearing = <A, E, R>(level: string, effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(LogLevels, (levels) => Effect.acquireUseRelease(Effect.sync(() => levels.want(level)), () => effect, (unwant) => Effect.sync(unwant)))

const refuse = (exchange: Exchange, id: string, { code, data, message, status }: Refusal) =>
  exchange.respond(status, errorOf(id, code, message, data))

const discovered = (snapshot: Snapshot | undefined) =>
  JSON.stringify({
    supportedVersions: [MODERN_VERSION, ...LEGACY_VERSIONS],
    capabilities: MODERN_CAPABILITIES,
    ...instructionsOf(snapshot),
    resultType: "complete",
    ttlMs: 0,
    cacheScope: "private",
    _meta: { [META.server]: SERVER_INFO }
  })

const relayedFrom = (message: Message, exchange: Exchange) => {
  const meta = metaOf(message)
  const level = message.meta[META.logLevel]
  const isLogged = (text: string) => isLevel(level) && reaches(text, level)
  return {
    isLogged,
    request: requestOf(message, meta),
    caller: {
      era: "modern" as const,
      principal: exchange.principal,
      server: exchange.server,
      envelope: envelopeOf(meta),
      capabilities: askable(message.meta[META.capabilities]),
      listener: {
        // The modern revision has no word for it: the client calls again when it wants to.
        notify: (text: string) => text.includes(ELICITATION_COMPLETE) ? undefined : exchange.send(text),
        log: (text: string) => isLogged(text) ? exchange.send(text) : undefined
      }
    }
  }
}

const envelopeOf = (meta: Meta) => {
  const client = meta.raw(META.client)
  const logLevel = meta.raw(META.logLevel)
  return {
    capabilities: meta.raw(META.capabilities) ?? "{}",
    ...(client === undefined ? {} : { client }),
    ...(logLevel === undefined ? {} : { logLevel })
  }
}

/** The arguments that a tool wants repeated in headers must be there, and say the same. */
const checkParamHeaders = (exchange: Exchange, { method, values }: Message, snapshot: Snapshot | undefined): Refusal | undefined => {
  if (method !== "tools/call" || exchange.transport === "channel") return undefined
  const headers = snapshot?.toolOf(String(values["name"]))?.definition.paramHeaders ?? []
  if (headers.length === 0) return undefined
  const expected = new Map(headersFor(headers, values["arguments"]).map(({ header, value }) => [header, value]))
  for (const { header } of headers) {
    const given = exchange.header(header)
    const value = given === undefined ? undefined : decoded(given)
    if (value !== expected.get(header)) {
      return { status: 400, code: CODE.headerMismatch, message: `Header ${header} differs from the argument it repeats` }
    }
  }
  return undefined
}
