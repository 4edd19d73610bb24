/**
 * How long a call may wait: a limit that starts anew with each sign of progress,
 * within a hard one, and that stands still while the backend waits for the user.
 */

/** The hard limit, as a multiple of the one that progress renews. */
export const HARD = 10

export interface Deadline {
  readonly renew: () => void
  readonly hold: () => void
  readonly end: () => void
}

/** @param millis longest silence in milliseconds, 1 to 2^31 - 1 */
export const deadline = (millis: number, passed: () => void): Deadline => {
  const last = performance.now() + millis * HARD
  let timer: NodeJS.Timeout | undefined = setTimeout(passed, millis)
  let isOver = false
  const until = (wait: number) => {
    // An answer to a question may come after the call has ended.
    if (isOver) return
    clearTimeout(timer)
    timer = setTimeout(passed, Math.max(0, Math.min(wait, last - performance.now(), 2 ** 31 - 1)))
  }
  return {
    renew: () => until(millis),
    hold: () => until(Number.POSITIVE_INFINITY),
    end: () => {
      isOver = true
      clearTimeout(timer)
    }
  }
}
