/** What a plain plugin's `start` gave is not what its kind needs. */
import { Schema } from "effect"

export class StartFailed extends Schema.TaggedError<StartFailed>()("StartFailed", { needs: Schema.String }) {
  override get message() {
    return `start must give an object with ${this.needs}`
  }
}
