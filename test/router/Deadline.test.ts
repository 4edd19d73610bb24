import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { deadline } from "../../src/router/Deadline.ts"

describe("a deadline", () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it("passes at its limit, not before, and once", () => {
    const { passed } = running(100)
    vi.advanceTimersByTime(99)
    assert.strictEqual(passed(), 0)
    vi.advanceTimersByTime(1)
    assert.strictEqual(passed(), 1)
  })

  it("starts anew with each sign of progress, up to ten times its length", () => {
    const { limit, passed } = running(100)
    for (let i = 0; i < 19; i++) {
      vi.advanceTimersByTime(50)
      limit.renew()
    }
    assert.strictEqual(passed(), 0)
    vi.advanceTimersByTime(50)
    assert.strictEqual(passed(), 1)
  })

  it("stands still while it is held, but not beyond the hard limit", () => {
    const { limit, passed } = running(100)
    limit.hold()
    vi.advanceTimersByTime(900)
    assert.strictEqual(passed(), 0)
    vi.advanceTimersByTime(100)
    assert.strictEqual(passed(), 1)
  })

  it("runs again, from the start, when what held it is over", () => {
    const { limit, passed } = running(100)
    vi.advanceTimersByTime(90)
    limit.hold()
    vi.advanceTimersByTime(90)
    limit.renew()
    vi.advanceTimersByTime(99)
    assert.strictEqual(passed(), 0)
    vi.advanceTimersByTime(1)
    assert.strictEqual(passed(), 1)
  })

  it("never passes once it has ended, whatever comes late", () => {
    for (const late of ["renew", "hold", "end"] as const) {
      const { limit, passed } = running(100)
      limit.hold()
      limit.end()
      limit[late]()
      assert.strictEqual(vi.getTimerCount(), 0, late)
      vi.advanceTimersByTime(10_000)
      assert.strictEqual(passed(), 0, late)
    }
  })

  it("of days does not pass at once", () => {
    const { passed } = running(2 ** 31 - 1)
    vi.advanceTimersByTime(1_000_000)
    assert.strictEqual(passed(), 0)
  })
})

const running = (millis: number) => {
  let count = 0
  const limit = deadline(millis, () => {
    count++
    limit.end()
  })
  return { limit, passed: () => count }
}
