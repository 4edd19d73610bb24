/**
 * Takes a client's request to the server that owns the name in it, under that
 * server's credential and time limit, and brings back the answer as it was given.
 */
import { Context, Effect, Layer, Schema } from "effect"
import { BackendFailed, backendFailed } from "../backend/BackendFailed.ts"
import type { Connection, Reply } from "../backend/Connection.ts"
import { type Call, headerValue } from "../backend/Era.ts"
import type { Instance } from "../backend/Instance.ts"
import { Subscriptions } from "../backend/Subscriptions.ts"
import { Catalogue, type Served } from "../catalogue/Catalogue.ts"
import { headersFor } from "../catalogue/ParamHeaders.ts"
import type { Route, Snapshot } from "../catalogue/Snapshot.ts"
import { Tracing } from "../observe/Tracing.ts"
import { NO_HEADERS } from "../backend/Party.ts"
import { none } from "../plugin/Auth.ts"
import type { ConsentNeeded, CredentialRefused } from "../plugin/Auth.ts"
import { revealed } from "./Revealed.ts"
import { deadline, HARD } from "./Deadline.ts"
import { inRounds } from "./Rounds.ts"
import { type Caller, param, paramsWith, partyOf, type Request, stringParam } from "./Request.ts"

/** Nothing in the catalogue has this name or URI. */
export class UnknownName extends Schema.TaggedError<UnknownName>()("UnknownName", {
  kind: Schema.Literals(["tool", "prompt", "resource", "parameter"]),
  name: Schema.String
}) {
  override get message() {
    return this.kind === "parameter" ? `Missing or unusable parameter: ${this.name}` : `Unknown ${this.kind}: ${this.name}`
  }
}

export type CallFailed = UnknownName | BackendFailed | CredentialRefused | ConsentNeeded

/** Where a request goes, and its parameters in the words of the server it goes to. */
interface Target {
  readonly route: Route
  /** What the server calls it. */
  readonly name: string
  readonly params: string
}

export class Router extends Context.Service<Router, {
  readonly call: (request: Request, caller: Caller) => Effect.Effect<Reply, CallFailed>
  /** Counts one more client that wants to hear about a resource; gives how to take that back. */
  readonly subscribe: (uri: string) => Effect.Effect<() => void, UnknownName>
}>()("manifold/router/Router") {
  static readonly layer = Layer.effect(Router, Effect.gen(function*() {
    const catalogue = yield* Catalogue
    const subscriptions = yield* Subscriptions
    const isTraced = yield* Tracing

    const call = Effect.fnUntraced(function*(request: Request, caller: Caller): Effect.fn.Return<Reply, CallFailed> {
      const { served, snapshot } = catalogue.current()
      const target = targetOf(snapshot, request)
      if (target instanceof UnknownName) return yield* target
      const server = served.get(target.route.server)
      if (server === undefined) return yield* notReady(target.route.server)
      const once = server.slot.use(
        () => notReady(server.id),
        (instance) => relay({ caller, instance, request, server, target })
      )
      return yield* Effect.catchIf(once, isUntaken, () => Effect.andThen(server.slot.current()?.recovered ?? Effect.void, once))
    }, (effect, request) => isTraced ? Effect.withSpan(effect, request.method, { captureStackTrace: false }) : effect)

    const subscribe = (uri: string) =>
      Effect.suspend(() => {
        const { snapshot } = catalogue.current()
        const route = snapshot.ownerOfUri(uri)
        if (route === undefined) return Effect.fail(new UnknownName({ kind: "resource", name: uri }))
        subscriptions.add(route.server, route.name)
        return Effect.succeed(() => subscriptions.remove(route.server, route.name))
      })

    return Router.of({ call, subscribe })
  }))
}

const notReady = (backend: string) => new BackendFailed({ backend, reason: "not_ready", detail: "is not running now", isUnsent: true })

/** A call that the backend did not take is made once more: it cannot run twice. */
const isUntaken = (failure: CallFailed): failure is BackendFailed => failure._tag === "BackendFailed" && failure.isUnsent === true

/** The owner of the name in a request. */
const targetOf = (snapshot: Snapshot, request: Request): Target | UnknownName => {
  switch (request.method) {
    case "tools/call":
      return named(request, "tool", snapshot.tools, "name")
    case "prompts/get":
      return named(request, "prompt", snapshot.prompts, "name")
    case "completion/complete":
      return completed(snapshot, request)
    default: {
      const uri = stringParam(request, "uri")
      if (uri === undefined) return new UnknownName({ kind: "parameter", name: "uri" })
      const route = snapshot.ownerOfUri(uri)
      if (route === undefined) return new UnknownName({ kind: "resource", name: uri })
      return { route, name: route.name, params: paramsWith(request, "uri", JSON.stringify(route.name)) }
    }
  }
}

const named = (
  request: Request,
  kind: "tool" | "prompt",
  routes: ReadonlyMap<string, Route>,
  key: string
): Target | UnknownName => {
  const name = stringParam(request, key)
  if (name === undefined) return new UnknownName({ kind: "parameter", name: key })
  const route = routes.get(name)
  return route === undefined
    ? new UnknownName({ kind, name })
    : { route, name: route.name, params: paramsWith(request, key, JSON.stringify(route.name)) }
}

const Ref = Schema.fromJsonString(Schema.Union([
  Schema.Struct({ type: Schema.Literal("ref/prompt"), name: Schema.String, title: Schema.optionalKey(Schema.String) }),
  Schema.Struct({ type: Schema.Literal("ref/resource"), uri: Schema.String })
]))

/** completion/complete names a prompt or a template in `ref`. */
const completed = (snapshot: Snapshot, request: Request): Target | UnknownName => {
  const ref = Schema.decodeUnknownOption(Ref)(param(request, "ref"))
  if (ref._tag === "None") return new UnknownName({ kind: "parameter", name: "ref" })
  const isPrompt = ref.value.type === "ref/prompt"
  const name = isPrompt ? ref.value.name : ref.value.uri
  const route = isPrompt ? snapshot.prompts.get(name) : snapshot.templates.get(name) ?? snapshot.ownerOfUri(name)
  if (route === undefined) return new UnknownName({ kind: isPrompt ? "prompt" : "resource", name })
  const own = isPrompt ? { ...ref.value, name: route.name } : { ...ref.value, uri: route.name }
  return { route, name: route.name, params: paramsWith(request, "ref", JSON.stringify(own)) }
}

interface Relaying {
  readonly caller: Caller
  readonly instance: Instance
  readonly request: Request
  readonly server: Served
  readonly target: Target
}

const relay = Effect.fnUntraced(function*({ caller, instance, request, server, target }: Relaying) {
  const credential = yield* server.strategy.credential(caller.principal, { id: server.id })
  const call: Call = {
    method: request.method,
    params: target.params,
    meta: request.meta,
    envelope: caller.envelope,
    headers: credential === none ? NO_HEADERS : revealed(credential),
    ...(request.progressToken === undefined ? {} : { progressToken: request.progressToken }),
    ...(request.method === "completion/complete" ? {} : { name: target.name })
  }
  const send = (connection: Connection) => {
    const own = withParamHeaders(call, request, target.route, connection)
    const once = (round: Call) => waiting(connection, round, caller, server)
    const { ask } = caller.listener
    // A modern client answers such results itself; a legacy one is asked by requests.
    return ask === undefined || caller.era === "modern" || connection.era === "legacy"
      ? once(own)
      : inRounds(own, { ask, patience: server.timeout * HARD, send: once })
  }
  const party = partyOf(caller, server.sharing, call.headers)
  const connection = instance.direct(party)
  return connection === undefined
    ? yield* Effect.scoped(Effect.flatMap(instance.lease(party), send))
    : yield* send(connection)
})

const withParamHeaders = (call: Call, request: Request, { definition }: Route, connection: Connection): Call => {
  if (definition.paramHeaders.length === 0 || connection.era === "legacy") return call
  const headers: Record<string, string> = { ...call.headers }
  for (const { header, value } of headersFor(definition.paramHeaders, JSON.parse(param(request, "arguments") ?? "{}"))) {
    headers[header] = headerValue(value)
  }
  return { ...call, headers }
}

/** Sends the call and waits; interruption and the deadline cancel it at the backend. */
const waiting = (connection: Connection, call: Call, { listener }: Caller, server: Served) =>
  Effect.callback<Reply, BackendFailed>((resume) => {
    const limit = deadline(server.timeout, () => {
      stop()
      resume(Effect.fail(
        new BackendFailed({ backend: server.id, reason: "timed_out", detail: `did not answer within ${server.timeout} ms` })
      ))
    })
    const { ask } = listener
    const cancel = connection.call(call, {
      notify: (text) => {
        limit.renew()
        listener.notify(text)
      },
      log: listener.log,
      ...(listener.paused === undefined ? {} : { paused: listener.paused }),
      ...(ask === undefined ? {} : {
        ask: (question) => {
          limit.hold()
          ask({
            ...question,
            answer: (member) => {
              limit.renew()
              question.answer(member)
            }
          })
        }
      }),
      done: (answer) => {
        limit.end()
        resume(answer.kind === "failed" ? backendFailed(server.id, answer.failure) : Effect.succeed(answer))
      }
    })
    const stop = () => {
      limit.end()
      cancel()
    }
    return Effect.sync(stop)
  })
