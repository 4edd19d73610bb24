/** How much is going on right now, counted where it happens: what must be nothing when everybody has gone. */
import { Context, Layer } from "effect"

/** Sessions and their open streams, requests that are being answered, the listens among them, and calls that wait for a user. */
export interface Counts {
  readonly sessions: number
  readonly streams: number
  readonly requests: number
  readonly listens: number
  readonly parked: number
}

export class Activity extends Context.Service<Activity, {
  readonly now: () => Counts
  /** Says from now on how much there is. */
  readonly counted: (now: () => Counts) => void
}>()("manifold/admin/Activity") {
  static readonly layer = Layer.sync(Activity, () => {
    let count: () => Counts = () => ({ sessions: 0, streams: 0, requests: 0, listens: 0, parked: 0 })
    return Activity.of({
      now: () => count(),
      counted: (now) => {
        count = now
      }
    })
  })
}
