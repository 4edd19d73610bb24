/** Which resources clients want to hear about, counted, by the server that owns them and its own URI. */
import { Context, Layer } from "effect"

export class Subscriptions extends Context.Service<Subscriptions, {
  readonly add: (server: string, uri: string) => void
  readonly remove: (server: string, uri: string) => void
  readonly wanted: (server: string) => ReadonlySet<string>
  /** Calls `listener` whenever the set of a server is another one. */
  readonly onChange: (listener: (server: string) => void) => () => void
}>()("manifold/backend/Subscriptions") {
  static readonly layer = Layer.sync(Subscriptions, () => {
    const counts = new Map<string, Map<string, number>>()
    const listeners = new Set<(server: string) => void>()

    const count = (server: string, uri: string, by: 1 | -1) => {
      const own = counts.get(server) ?? new Map<string, number>()
      const before = own.get(uri) ?? 0
      const after = Math.max(0, before + by)
      if (after === 0) own.delete(uri)
      else own.set(uri, after)
      if (own.size === 0) counts.delete(server)
      else counts.set(server, own)
      if ((before === 0) !== (after === 0)) for (const listener of listeners) listener(server)
    }

    return Subscriptions.of({
      add: (server, uri) => count(server, uri, 1),
      remove: (server, uri) => count(server, uri, -1),
      wanted: (server) => new Set(counts.get(server)?.keys()),
      onChange: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      }
    })
  })
}
