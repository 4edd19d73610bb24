/** `aggregation:`, `routing:` and `guard:`: how servers become one catalogue and how calls reach them. */
import { Schema } from "effect"
import { about, DurationText, fallback, later, Span } from "./Fields.ts"

const PrefixRule = Schema.Literals(["always", "on_conflict", "never"])

export const Aggregation = Schema.Struct({
  prefix: fallback(PrefixRule, "When the names of a server's tools begin with its id", "always"),
  separator: fallback(
    Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_.-]{1,8}$/u, { expected: "1 to 8 letters, digits, _ . or -" })),
    "What stands between the server's id and the name",
    "__"
  ),
  max_name_length: fallback(
    Schema.Int.check(Schema.isBetween({ minimum: 24, maximum: 128 }, { expected: "a length from 24 to 128" })),
    "Longest public name; a longer one is shortened with a stable hash",
    64
  )
})

/** Of one server: a rule, or a text that all its names begin with (empty for none). */
export const ServerPrefix = Schema.Union([
  PrefixRule,
  Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_.-]{0,32}$/u, {
    expected: "always, on_conflict, never, or a prefix of 32 letters, digits, _ . and - at most"
  }))
])

const Retry = Schema.Struct({
  attempts: Schema.optionalKey(about(Schema.Int, "Tries in all, the first one included")),
  budget: Schema.optionalKey(about(Schema.String, "Largest share of calls that may be retries, such as 20%"))
})

const Breaker = Schema.Struct({
  failures: Schema.optionalKey(about(Schema.Int, "Failures in a row that open the breaker")),
  open: Schema.optionalKey(about(Span, "How long it stays open before one call may try again"))
})

/** The keys of `routing:` whose features are missing; a server can name them too. */
export const laterRouting = {
  retry: later(Retry, "When a failed call is tried again"),
  breaker: later(Breaker, "When a failing server is left alone for a while")
}

export const Balance = Schema.Literals(["round_robin", "least_latency", "hashed"])
export type Balance = typeof Balance.Type

export const BALANCE = "Which replica a call goes to: each in turn, the one that answers soonest, or for each user always the same one"

const Interval = Schema.Union([Schema.Literal("off"), DurationText])
const Failures = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 }))

const HEALTH = {
  interval: "From one question to the next whether a server still answers; off asks none",
  timeout: "How long it may take to answer that question",
  failures: "Questions in a row without an answer after which it is started or opened anew"
}

const Health = Schema.Struct({
  interval: fallback(Interval, HEALTH.interval, "30 seconds"),
  timeout: fallback(DurationText, HEALTH.timeout, "10 seconds"),
  failures: fallback(Failures, HEALTH.failures, 3)
})
export type Health = typeof Health.Type

/** Of one server: what it leaves out is as in `routing.health`. */
export const ServerHealth = Schema.Struct({
  interval: Schema.optionalKey(about(Interval, HEALTH.interval)),
  timeout: Schema.optionalKey(about(DurationText, HEALTH.timeout)),
  failures: Schema.optionalKey(about(Failures, HEALTH.failures))
})

export const Routing = Schema.Struct({
  timeout: fallback(DurationText, "How long a call may take before the caller gets an error", "60 seconds"),
  health: fallback(Health, "How servers are asked whether they still answer", {}),
  balance: fallback(Balance, BALANCE, "round_robin"),
  ...laterRouting
})

export const Guard = Schema.Struct({
  hidden_text: fallback(
    Schema.Literals(["refuse", "allow"]),
    "Whether a definition with invisible characters or terminal escapes stays out of the catalogue",
    "refuse"
  )
})
