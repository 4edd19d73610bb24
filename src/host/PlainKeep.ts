/** The rows of a server in the vault, for a strategy of the plain face: texts in, texts out, promises that reject with a plain error. */
import { type Context, Effect, Redacted, Result, Schema } from "effect"
import { Keep } from "#plugin"
import type { PlainFresh, PlainKeep, PlainKept } from "../plugin/PlainAuth.ts"

const KeyParts = Schema.NonEmptyArray(Schema.String)
const Fresh = Schema.Struct({ value: Schema.NonEmptyString, expires: Schema.optional(Schema.Finite) })
const Refreshed = Schema.Union([Schema.Struct({ gone: Schema.String }), Fresh])

export const plainKeep = Effect.fnUntraced(function*(): Effect.fn.Return<PlainKeep, never, Keep.Keep> {
  const keep = yield* Keep.Keep
  const promised = promiseWith(yield* Effect.context<never>())

  const kept = <A>(key: unknown, use: (parts: Keep.Key) => Effect.Effect<A, Keep.KeepFailed | Keep.RefreshFailed>) =>
    promised(Effect.flatMap(decoded(KeyParts, key, "a key is a list of texts"), use))

  return {
    get: (key) => kept(key, (parts) => Effect.map(keep.get(parts), (row) => row && plainOf(row))),
    put: (key, fresh) => kept(key, (parts) => Effect.flatMap(decoded(Fresh, fresh, WRONG_ROW), (row) => keep.put(parts, freshOf(row)))),
    remove: (key) => kept(key, keep.remove),
    keys: () => promised(keep.keys),
    refreshed: (key, seen, refresh) => kept(key, (parts) =>
      keep.refreshed(parts, seen, (before) => refreshedBy(refresh, plainOf(before))).pipe(
        Effect.map((row): PlainKept | undefined => plainOf(row)),
        Effect.catchIf((failure) => failure._tag === "RefreshFailed" && failure.final, () => Effect.undefined)
      ))
  }
})

const WRONG_ROW = "a row is { value, expires? }, a text and milliseconds since 1970"

/** What it throws may hold a token: only its kind is told. */
const refreshedBy = Effect.fnUntraced(function*(refresh: Parameters<PlainKeep["refreshed"]>[2], before: PlainKept) {
  const given = yield* Effect.mapError(Effect.tryPromise(async (signal) => refresh(before, { signal })), ({ cause }) =>
    new Keep.RefreshFailed({ reason: `the refresh threw (${cause instanceof Error ? cause.name : typeof cause})`, final: false }))
  const answer = yield* Effect.mapError(Schema.decodeUnknownEffect(Refreshed)(given), () =>
    new Keep.RefreshFailed({ reason: `the refresh gave an answer of another form; ${WRONG_ROW}`, final: false }))
  return "gone" in answer ? yield* new Keep.RefreshFailed({ reason: answer.gone, final: true }) : freshOf(answer)
})

const decoded = <S extends Schema.ConstraintDecoder<unknown>>(schema: S, value: unknown, reason: string) =>
  Effect.mapError(Schema.decodeUnknownEffect(schema)(value), () => new Keep.KeepFailed({ reason }))

const freshOf = ({ expires, value }: PlainFresh): Keep.Fresh => ({ value: Redacted.make(value), ...expires === undefined ? {} : { expires } })

const plainOf = ({ expires, value, version }: Keep.Kept): PlainKept =>
  ({ value: Redacted.value(value), version, ...expires === undefined ? {} : { expires } })

/** An error of ours has no meaning over there. */
const promiseWith = (context: Context.Context<never>) => <A>(effect: Effect.Effect<A, { readonly message: string }>): Promise<A> =>
  Effect.runPromiseWith(context)(Effect.result(effect)).then((result) =>
    Result.isSuccess(result) ? result.success : Promise.reject(new Error(result.failure.message)))
