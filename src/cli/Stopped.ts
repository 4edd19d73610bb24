/**
 * How commands end. 0 is success; wrong usage is 1, given by effect/cli; the
 * others follow sysexits(3), so that scripts can tell the cases apart.
 */
import { Console, Effect, Runtime, Schema } from "effect"
import { printable } from "../lib/Printable.ts"

/** The answer is no: a server does not serve, a tool failed or does not exist, an argument is wrong. */
export const failed = 1
/** EX_UNAVAILABLE: no gateway can be reached, or the address cannot be listened on. */
export const unavailable = 69
/** EX_CONFIG: the manifest cannot be used. */
export const wrongConfiguration = 78

/** A command that has said why it stops; only the exit code is left to give. */
export class Stopped extends Schema.TaggedError<Stopped>()("Stopped", { code: Schema.Int }) {
  override get [Runtime.errorExitCode]() {
    return this.code
  }
  override get [Runtime.errorReported]() {
    return false
  }
}

/** Says why on standard error, and stops; the reason may be in the words of a server. */
export const stop = (code: number, message: string): Effect.Effect<never, Stopped> =>
  Effect.andThen(Console.error(printable(message)), Effect.fail(new Stopped({ code })))
