/** A command that has said why it stops; only the exit code is left to give. 78 is a wrong configuration. */
import { Runtime, Schema } from "effect"

export const wrongConfiguration = 78

export class Stopped extends Schema.TaggedError<Stopped>()("Stopped", { code: Schema.Int }) {
  override get [Runtime.errorExitCode]() {
    return this.code
  }
  override get [Runtime.errorReported]() {
    return false
  }
}
