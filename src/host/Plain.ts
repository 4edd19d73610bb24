/**
 * Holds a plugin of the plain face as one of ours. What it returns is decoded at this border,
 * what it throws becomes a typed error, and what it is no longer asked for sees its signal abort.
 */
import { Effect, Predicate, type StandardSchema } from "effect"
import { Auth, type Keep, Plugin } from "#plugin"
import type { PlainPlugin } from "../plugin/Plain.ts"
import type { PlainAuthContext } from "../plugin/PlainAuth.ts"
import type { PlainContext } from "../plugin/PlainContext.ts"
import { fromStandard } from "../plugin/Problem.ts"
import { authFrom } from "./PlainAuth.ts"
import { plainKeep } from "./PlainKeep.ts"
import { loaderFrom } from "./PlainLoader.ts"
import { providerFrom } from "./PlainProvider.ts"
import type { StartFailed } from "./StartFailed.ts"
import { KINDS } from "./Table.ts"

type Config = StandardSchema.StandardSchemaV1
type Start = (config: unknown, context: PlainContext) => unknown

/** An object of the plain face, or nothing: its shape is all that can be known of it. */
export const isPlain = (value: unknown): value is PlainPlugin<Plugin.Kind, Config> & { readonly start: Start } =>
  Predicate.hasProperty(value, "apiVersion") && value.apiVersion === 1 &&
  Predicate.hasProperty(value, "kind") && KINDS.some((kind) => kind === value.kind) &&
  Predicate.hasProperty(value, "name") && Predicate.isString(value.name) &&
  Predicate.hasProperty(value, "start") && Predicate.isFunction(value.start) &&
  Predicate.hasProperty(value, "config") && Predicate.hasProperty(value.config, "~standard") &&
  Predicate.hasProperty(value.config["~standard"], "validate")

export const fromPlain = (plain: PlainPlugin<Plugin.Kind, Config> & { readonly start: Start }): Plugin.AnyPlugin => {
  const { name, summary = "" } = plain
  if (plain.kind === "auth") {
    return Plugin.make({ kind: "auth", name, summary, decode: decodeWith(plain, Effect.flatMap(about, forStrategy), authFrom(name)) })
  }
  if (plain.kind === "provider") {
    return Plugin.make({ kind: "provider", name, summary, decode: decodeWith(plain, about, providerFrom(name)) })
  }
  return Plugin.make({ kind: "loader", name, summary, decode: decodeWith(plain, about, loaderFrom(name)) })
}

type Told = Omit<PlainContext, "signal">

/** What every plugin is told. */
const about = Effect.map(Plugin.Host, ({ directory, workspace }): Told => ({ directory, workspace }))

/** A strategy is built for one server, and has that server's rows of the vault. */
const forStrategy = Effect.fnUntraced(function*(told: Told): Effect.fn.Return<Omit<PlainAuthContext, "signal">, never, Auth.Server | Keep.Keep> {
  const { clientAddress, id, resource, returnAddress } = yield* Auth.Server
  const server = { id, ...resource === undefined ? {} : { resource }, returnAddress, clientAddress }
  return { ...told, server, keep: yield* plainKeep() }
})

const decodeWith = <A, R>(
  plain: { readonly config: Config; readonly start: Start },
  told: Effect.Effect<Told, never, R>,
  wrap: (started: unknown) => Effect.Effect<A, StartFailed, R>
) =>
  Effect.fnUntraced(function*(input: unknown) {
    const result = yield* Effect.tryPromise({
      try: async () => plain.config["~standard"].validate(input),
      catch: (cause): ReadonlyArray<Plugin.Problem> => [{ path: [], message: `the plugin's schema failed: ${cause}` }]
    })
    if (result.issues !== undefined) return yield* Effect.fail(fromStandard(result.issues))
    return { config: result.value, build: Effect.flatMap(started(plain.start, result.value, told), wrap) }
  })

const started = Effect.fnUntraced(function*<R>(start: Start, config: unknown, told: Effect.Effect<Told, never, R>) {
  const context = yield* told
  return yield* Effect.acquireRelease(
    Effect.tryPromise(async (signal) => start(config, { ...context, signal })),
    closed,
    { interruptible: true }
  )
})

const closed = (running: unknown) =>
  isCloseable(running) ? Effect.ignore(Effect.tryPromise(async () => running.close())) : Effect.void

const isCloseable = (value: unknown): value is { readonly close: () => unknown } =>
  Predicate.hasProperty(value, "close") && Predicate.isFunction(value.close)
