/** Asks a function of a plain strategy. What it throws goes to the log; neither that nor a wrong answer is told to the caller or printed. */
import { Effect, Schema } from "effect"
import { Auth } from "#plugin"

export const Refused = Schema.Struct({ refused: Schema.String })

export interface Strategy {
  readonly name: string
  /** The id of the server it is built for. */
  readonly server: string
}

/** Gives what asks, and decodes the answer: a refusal becomes one of ours. */
export const askingIn = ({ name, server }: Strategy) => {
  const failed = (how: string, cause?: unknown) =>
    Effect.andThen(
      Effect.logWarning(`auth strategy "${name}" ${how} for server "${server}"`, ...cause === undefined ? [] : [cause]),
      Effect.fail(new Auth.CredentialRefused({ server, reason: `the strategy "${name}" failed` }))
    )

  return Effect.fnUntraced(function*<S extends Schema.ConstraintDecoder<unknown>>(
    answer: S,
    ask: (signal: AbortSignal) => unknown
  ): Effect.fn.Return<S["Type"], Auth.CredentialRefused> {
    const given = yield* Effect.catch(Effect.tryPromise(async (signal) => ask(signal)), ({ cause }) => failed("failed", cause))
    const refused = Schema.decodeUnknownOption(Refused)(given)
    if (refused._tag === "Some") return yield* new Auth.CredentialRefused({ server, reason: refused.value.refused })
    // What the decoder would say of it repeats it.
    return yield* Effect.catch(Schema.decodeUnknownEffect(answer)(given), () => failed("gave an answer of another form"))
  })
}

export type Asking = ReturnType<typeof askingIn>
