/** A loader of the plain face as one of ours: each answer is decoded, each failure is a `LoadFailed`. */
import { Effect, Predicate, Schema } from "effect"
import { Loader } from "#plugin"
import type { PlainLoader } from "../plugin/Plain.ts"
import { secretHeaders } from "./Secret.ts"
import { StartFailed } from "./StartFailed.ts"

const Strings = Schema.Record(Schema.String, Schema.String)
const Resolved = Schema.Struct({ source: Schema.String, digest: Schema.NonEmptyString, pin: Schema.optional(Strings) })
const Pin = Schema.UndefinedOr(Strings)
const Launch = Schema.Union([
  Schema.Struct({
    command: Schema.NonEmptyString,
    args: Schema.optional(Schema.Array(Schema.String)),
    environment: Schema.optional(Strings),
    directory: Schema.optional(Schema.String)
  }),
  Schema.Struct({
    url: Schema.String,
    transport: Schema.optional(Schema.Literals(["auto", "streamable_http", "sse", "websocket"])),
    headers: Schema.optional(Strings)
  })
])

export const loaderFrom = (name: string) => (value: unknown): Effect.Effect<Loader.Loader, StartFailed> => {
  if (!isLoader(value)) return new StartFailed({ needs: "the functions resolve and launch" })
  const { prepare } = value

  const asked = <S extends Schema.ConstraintDecoder<unknown>>(
    step: string,
    answer: S,
    ask: (signal: AbortSignal) => unknown
  ) => {
    const failed = (cause: unknown) => new Loader.LoadFailed({ source: name, step, cause })
    return Effect.tryPromise({ try: async (signal) => ask(signal), catch: failed }).pipe(
      Effect.flatMap((given) => Effect.mapError(Schema.decodeUnknownEffect(answer)(given), failed))
    )
  }

  return Effect.succeed({
    swap: value.swap ?? "overlap",
    resolve: Effect.map(asked("resolve", Resolved, (signal) => value.resolve({ signal })), withPin),
    ...prepare !== undefined && {
      prepare: (resolved: Loader.Resolved, directory: string) =>
        asked("prepare", Pin, (signal) => Reflect.apply(prepare, value, [{ signal, resolved, directory }]))
    },
    launch: (directory, resolved) =>
      Effect.map(asked("launch", Launch, (signal) => value.launch({ signal, directory, resolved })), launchOf)
  })
}

const withPin = ({ source, digest, pin }: typeof Resolved.Type): Loader.Resolved => ({
  source,
  digest,
  ...pin !== undefined && { pin }
})

const launchOf = (launch: typeof Launch.Type): Loader.Launch => {
  if ("url" in launch) {
    const { url, transport = "auto", headers = {} } = launch
    return { _tag: "Http", url, transport, headers: secretHeaders(headers) }
  }
  const { command, args = [], environment, directory } = launch
  return {
    _tag: "Stdio",
    command,
    args,
    ...environment !== undefined && { environment },
    ...directory !== undefined && { directory }
  }
}

const isLoader = (value: unknown): value is PlainLoader =>
  Predicate.hasProperty(value, "resolve") && Predicate.isFunction(value.resolve) &&
  Predicate.hasProperty(value, "launch") && Predicate.isFunction(value.launch)
