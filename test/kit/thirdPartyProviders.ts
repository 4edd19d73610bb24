/** Identity providers of third parties, one of each face: tokens that are signed with a shared key. */
import { createHmac } from "node:crypto"

/** The form of the tokens of both: who, for whom, until when, and a signature. */
export const signedToken = (key: string, subject: string, audience: string, expires: number): string => {
  const claims = Buffer.from(JSON.stringify({ subject, audience, expires })).toString("base64url")
  return `${claims}.${createHmac("sha256", key).update(claims).digest("base64url")}`
}

const CHECK = `
const read = (key, token) => {
  const [claims = "", signature = ""] = token.split(".", 2)
  const right = createHmac("sha256", key).update(claims).digest("base64url")
  return signature === right && token === claims + "." + right ? JSON.parse(Buffer.from(claims, "base64url")) : undefined
}
`

/** The plain face: config `{ issuer, key }`. The subject "broken" makes it throw its token, "liar" makes it answer nonsense. */
export const plainProvider = (name: string) => `
import { createHmac } from "node:crypto"
import { z } from "zod"
${CHECK}
export default {
  apiVersion: 1,
  kind: "provider",
  name: ${JSON.stringify(name)},
  summary: "Tokens signed with a shared key",
  config: z.strictObject({ issuer: z.url(), key: z.string().min(1) }),
  start: ({ issuer, key }) => ({
    issuer,
    validate: async ({ token, audience, signal }) => {
      signal.throwIfAborted()
      const found = read(key, token)
      if (found === undefined) return { refused: "signature", detail: "not ours" }
      if (found.subject === "broken") throw new Error("cannot read " + token)
      if (found.subject === "liar") return { subject: "", expires: "never" }
      if (found.audience !== audience) return { refused: "audience" }
      return { subject: found.subject, expires: found.expires, scopes: ["mcp"], claims: found }
    },
    refresh: async ({ refreshToken }) => refreshToken === "spent"
      ? { refused: "inactive" }
      : { accessToken: "next-" + refreshToken, refreshToken: "spent", expires: 60 },
    close: () => {}
  })
}
`

/** The Effect face, same config and tokens. The subject "foreign" makes it speak for another issuer. */
export const effectProvider = (name: string) => `
import { createHmac } from "node:crypto"
import { Effect, Redacted, Schema } from "effect"
import { Egress, Plugin, Provider } from "mcp-manifold/plugin"
${CHECK}
export default Plugin.define("provider", {
  name: ${JSON.stringify(name)},
  summary: "Tokens signed with a shared key",
  config: Schema.Struct({ issuer: Schema.NonEmptyString, key: Schema.RedactedFromValue(Schema.NonEmptyString) }),
  build: Effect.fnUntraced(function*({ issuer, key }) {
    const egress = yield* Egress.Egress
    const missing = Effect.fail(new Provider.ProviderUnavailable({ issuer, detail: "has no such thing" }))
    return {
      issuer,
      believedFor: 120_000,
      validate: Effect.fnUntraced(function*(token, audience) {
        const found = read(Redacted.value(key), Redacted.value(token))
        if (found === undefined) return yield* new Provider.TokenRefused({ reason: "signature", detail: "not ours" })
        if (found.subject === "broken") throw new Error("cannot read " + Redacted.value(token))
        if (found.audience !== audience) return yield* new Provider.TokenRefused({ reason: "audience", detail: "for another" })
        const { expires, subject } = found
        return { issuer: subject === "foreign" ? "https://other.example.com" : issuer, subject, clientId: undefined, scopes: [], expires, claims: {} }
      }),
      metadata: Effect.flatMap(Effect.ignore(egress.ask(issuer, { url: issuer })), () => missing),
      refresh: () => missing,
      userInfo: () => missing
    }
  })
})
`
