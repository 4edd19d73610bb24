/** Lengths of time as people write them. A bare number is refused, because nobody remembers its unit. */
import { Duration, Schema, SchemaTransformation } from "effect"

const units: Readonly<Record<string, (amount: number) => Duration.Duration>> = {
  ms: Duration.millis,
  s: Duration.seconds,
  m: Duration.minutes,
  h: Duration.hours,
  d: Duration.days
}

const spelling = /^(\d+(?:\.\d+)?) ?(ms|millis|milliseconds?|s|seconds?|min|m|minutes?|h|hours?|d|days?)$/u

const durationOf = (text: string): Duration.Duration => {
  const [, amount = "0", unit = "s"] = spelling.exec(text) ?? []
  const short = unit.startsWith("mi") && !unit.startsWith("min") || unit === "ms" ? "ms" : unit.slice(0, 1)
  return (units[short] ?? Duration.seconds)(Number(amount))
}

const sayDuration = (duration: Duration.Duration): string => {
  const millis = Duration.toMillis(duration)
  return millis % 1000 === 0 ? `${millis / 1000}s` : `${millis}ms`
}

/** `60 seconds`, `10s`, `500ms`, `1 hour`. */
export const Span = Schema.String.check(
  Schema.isPattern(spelling, { expected: "a number with its unit, such as 500ms, 10s or 60 seconds" }),
  Schema.makeFilter<string>((text) => Number.parseFloat(text) > 0 || "has to be longer than nothing", { toJsonSchema: () => [{}, true] })
)

export const DurationText = Span.pipe(Schema.decodeTo(
  Schema.Duration,
  SchemaTransformation.transform({ decode: durationOf, encode: sayDuration })
))
