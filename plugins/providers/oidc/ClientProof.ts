/** How the gateway's own client shows who it is at a token endpoint: by HTTP Basic, unless its metadata know another way only (RFC 8414, 2). */
import type { Redacted } from "effect"
import type { Egress } from "#plugin"

export interface OwnClient {
  readonly id: string
  readonly secret: Redacted.Redacted<string> | undefined
}

/** In the order of preference. */
const METHODS = ["client_secret_basic", "client_secret_post", "none"] as const

export type Method = typeof METHODS[number]

/** What a server takes that does not say. */
const UNSAID: ReadonlyArray<string> = ["client_secret_basic"]

export const methodAmong = (known: ReadonlyArray<string> = UNSAID): Method => METHODS.find((one) => known.includes(one)) ?? "client_secret_basic"

/** The fields of the form, and who asks. */
export interface Proof {
  readonly form: Egress.Fields
  readonly as?: Egress.Caller
}

/** @param known the methods that the server takes, where it says */
export const asClient = ({ id, secret }: OwnClient, known?: ReadonlyArray<string>): Proof => {
  const method = methodAmong(known)
  if (secret === undefined || method === "none") return { form: { client_id: id } }
  return method === "client_secret_post"
    ? { form: { client_id: id, client_secret: secret } }
    : { form: {}, as: { _tag: "Client", id, secret } }
}
