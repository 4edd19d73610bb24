/** Puts a server to sleep that nobody has used for as long as the manifest says: no call, no session, no subscription. */
import { Clock, Duration, Effect } from "effect"
import type { Instance } from "../backend/Spec.ts"

/** How often it is looked at, in milliseconds: ten times in the span, within these. */
const LOOK = { shortest: 50, longest: 5000 }

/** @param after how long, as the manifest has it now; never where it has none */
export const dozing = Effect.fnUntraced(function*(instance: Instance, after: () => Duration.Duration | undefined): Effect.fn.Return<never> {
  let calls = 0
  let usedAt = yield* Clock.currentTimeMillis
  for (;;) {
    const span = after()
    const pause = span === undefined ? LOOK.longest : Duration.toMillis(span) / 10
    yield* Effect.sleep(Math.min(LOOK.longest, Math.max(LOOK.shortest, pause)))
    const now = yield* Clock.currentTimeMillis
    const use = instance.use()
    if (use === undefined || use.isNeeded || use.calls !== calls) usedAt = now
    calls = use?.calls ?? 0
    if (span !== undefined && now - usedAt >= Duration.toMillis(span)) yield* instance.doze(`nobody has used it for ${Duration.format(span)}`)
  }
})
