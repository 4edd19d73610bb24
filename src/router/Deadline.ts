/**
 * How long a call may wait: a limit that starts anew with each sign of progress,
 * within a hard one, and that stands still while the backend waits for the user.
 */

/** The hard limit, as a multiple of the one that progress renews. */
const HARD = 10

export interface Deadline {
  readonly renew: () => void
  readonly hold: () => void
  readonly end: () => void
}

/** @param millis longest silence in milliseconds, 1 to 2^31 - 1 */
export const deadline = (millis: number, passed: () => void): Deadline => {
  const hard = setTimeout(passed, Math.min(millis * HARD, 2 ** 31 - 1))
  let soft: NodeJS.Timeout | undefined = setTimeout(passed, millis)
  return {
    renew: () => {
      if (soft === undefined) soft = setTimeout(passed, millis)
      else soft.refresh()
    },
    hold: () => {
      clearTimeout(soft)
      soft = undefined
    },
    end: () => {
      clearTimeout(hard)
      clearTimeout(soft)
    }
  }
}
