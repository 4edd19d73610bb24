/** What stays open ends when nobody knows any more whose it is: streams, listens and sockets go with the credential they came with. */
import type { Principal } from "../plugin/Auth.ts"

/** Longest wait of a timer, in milliseconds. */
const LONGEST = 2 ** 31 - 1

/** Calls `end` when the principal's credential has ended; gives how to take that back. */
export const untilExpiry = ({ expires }: Principal, end: () => void): () => void => {
  if (expires === undefined) return () => {}
  const timer = setTimeout(end, Math.min(LONGEST, Math.max(0, expires * 1000 - Date.now())))
  timer.unref()
  return () => clearTimeout(timer)
}
