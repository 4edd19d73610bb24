/**
 * The log level that legacy servers are asked for: a session with one has a single level for
 * all who share it, so it is the most talkative that anybody wants (server/utilities/logging).
 */
import { Context, Layer } from "effect"

/** Severities of RFC 5424, the most talkative first. */
export const LEVELS: ReadonlyArray<string> = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]

export class LogLevels extends Context.Service<LogLevels, {
  /** Counts one more who wants to hear this level; gives how to take that back. */
  readonly want: (level: string) => () => void
  /** `undefined` while nobody wants to hear anything. */
  readonly wanted: () => string | undefined
  readonly onChange: (listener: () => void) => () => void
}>()("manifold/backend/LogLevels") {
  static readonly layer = Layer.sync(LogLevels, () => {
    const counts = new Map<string, number>()
    const listeners = new Set<() => void>()
    const wanted = () => LEVELS.find((level) => (counts.get(level) ?? 0) > 0)

    const count = (level: string, by: 1 | -1) => {
      const before = wanted()
      counts.set(level, (counts.get(level) ?? 0) + by)
      if (wanted() !== before) for (const listener of listeners) listener()
    }

    return LogLevels.of({
      wanted,
      want: (level) => {
        count(level, 1)
        let isWanted = true
        return () => {
          if (isWanted) count(level, -1)
          isWanted = false
        }
      },
      onChange: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      }
    })
  })
}
