/** What clients want to hear about, counted, by the server that owns it and in that server's own words. */
import { Context, Layer } from "effect"

/** A resource by its URI, or a task by its id. */
export interface Topic {
  readonly kind: "resource" | "task"
  readonly name: string
  /** The one that has the task, where a server has replicas; all of them have its resources. */
  readonly replica?: number | undefined
}

/** The topics of one server. */
export interface Topics {
  readonly resources: ReadonlySet<string>
  readonly tasks: ReadonlySet<string>
}

export const NO_TOPICS: Topics = { resources: new Set(), tasks: new Set() }

export class Subscriptions extends Context.Service<Subscriptions, {
  readonly add: (server: string, topic: Topic) => void
  readonly remove: (server: string, topic: Topic) => void
  readonly wanted: (server: string, replica?: number) => Topics
  /** Calls `listener` whenever the topics of a server are others. */
  readonly onChange: (listener: (server: string) => void) => () => void
}>()("manifold/backend/Subscriptions") {
  static readonly layer = Layer.sync(Subscriptions, () => {
    const counts = { resource: new Map<string, Map<string, number>>(), task: new Map<string, Map<string, number>>() }
    const listeners = new Set<(server: string) => void>()

    const count = (server: string, { kind, name, replica }: Topic, by: 1 | -1) => {
      const ofKind = counts[kind]
      const place = placeOf(server, replica)
      const own = ofKind.get(place) ?? new Map<string, number>()
      const before = own.get(name) ?? 0
      const after = Math.max(0, before + by)
      if (after === 0) own.delete(name)
      else own.set(name, after)
      if (own.size === 0) ofKind.delete(place)
      else ofKind.set(place, own)
      if ((before === 0) !== (after === 0)) for (const listener of listeners) listener(server)
    }

    return Subscriptions.of({
      add: (server, topic) => count(server, topic, 1),
      remove: (server, topic) => count(server, topic, -1),
      wanted: (server, replica) => ({
        resources: new Set(counts.resource.get(server)?.keys()),
        tasks: new Set(counts.task.get(placeOf(server, replica))?.keys())
      }),
      onChange: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      }
    })
  })
}

/** No id of a server has a # in it. */
const placeOf = (server: string, replica: number | undefined): string => replica === undefined ? server : `${server}#${replica}`
