/** What a person writes about an issuer. */
import { Duration, Schema } from "effect"
import { DurationText, Egress } from "#plugin"
import { about, Secret } from "../../Settings.ts"

/** An address as it is written, without a user name, query or fragment; it is compared byte for byte. */
export const Address = Schema.String.check(
  Schema.isPattern(/^https?:\/\/[^\s/?#@]+(?:\/[^\s?#]*)?$/u, { expected: "an https address without a query" }),
  Schema.makeFilter<string>((text) => isSafe(text) || "expected an https address (http only for loopback)", { toJsonSchema: () => [{}, true] })
)

/** For whole endpoints, which may have a query. */
export const isSafe = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const { hostname, password, protocol, username } = new URL(text)
  if (username !== "" || password !== "") return false
  return protocol === "https:" || (protocol === "http:" && Egress.isLoopback(hostname))
}

const MOST_SKEW = Duration.minutes(5)

/** Keys that more than one provider takes. */
export const shared = {
  client_id: about(Schema.NonEmptyString, "The gateway's own client at the issuer"),
  client_secret: about(Secret, "Its secret: write a reference, such as ${env:NAME}"),
  longest_life: about(DurationText, "Tokens that live longer are refused; default 1 hour"),
  clock_skew: about(
    DurationText.check(Schema.makeFilter((skew) => Duration.isLessThanOrEqualTo(skew, MOST_SKEW) || "has to be 5 minutes at most", {
      toJsonSchema: () => [{}, true]
    })),
    "How far clocks may differ, 5 minutes at most; default 60 seconds"
  )
}

export const Credentials = Schema.Struct({
  client_id: about(Schema.NonEmptyString, "The client the gateway asks as"),
  client_secret: shared.client_secret
})

export const LONGEST_LIFE = Duration.hours(1)
export const CLOCK_SKEW = Duration.seconds(60)

export const OidcSettings = Schema.Struct({
  issuer: about(Address, "Whose tokens are accepted, exactly as they name it"),
  jwks_uri: Schema.optionalKey(about(Address, "Where its keys are; its metadata say so unless told")),
  token_types: Schema.optionalKey(about(
    Schema.Array(Schema.NonEmptyString).check(Schema.isMinLength(1)),
    "The typ headers a token may have; default at+jwt, and JWT for issuers that have no type of their own for access tokens"
  )),
  longest_life: Schema.optionalKey(shared.longest_life),
  clock_skew: Schema.optionalKey(shared.clock_skew),
  introspection: Schema.optionalKey(about(Credentials, "Asks the issuer about each token: opaque tokens are accepted, and revoked ones are refused within 5 seconds")),
  client_id: Schema.optionalKey(shared.client_id),
  client_secret: Schema.optionalKey(shared.client_secret)
}).check(Schema.makeFilter(({ client_id, client_secret }) =>
  client_secret === undefined || client_id !== undefined || { path: ["client_id"], issue: "is missing, though there is a client_secret" }))
