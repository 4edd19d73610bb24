/** Whether the gateway is on its way out: readiness falls first, so that balancers send no more. */
import { Context, Layer } from "effect"

export class Stopping extends Context.Service<Stopping, {
  readonly is: () => boolean
  readonly begin: () => void
}>()("manifold/admin/Stopping") {
  static readonly layer = Layer.sync(Stopping, () => {
    let stopping = false
    return Stopping.of({
      is: () => stopping,
      begin: () => {
        stopping = true
      }
    })
  })
}
