/**
 * The token that a caller came with, as a strategy may hold it: it can go to the token endpoint of its
 * own issuer (RFC 8693) and nowhere else, and nothing of it can be read. Only the egress client opens it.
 */
import type { Redacted } from "effect"

let open: (token: SubjectToken) => Redacted.Redacted<string>

export class SubjectToken {
  readonly #secret: Redacted.Redacted<string>
  readonly issuer: string
  /** SHA-256 of the whole token: what was got for it is for nobody with another one. */
  readonly hash: string

  constructor({ hash, issuer, secret }: { readonly issuer: string; readonly hash: string; readonly secret: Redacted.Redacted<string> }) {
    this.#secret = secret
    this.issuer = issuer
    this.hash = hash
  }

  static {
    open = (token) => token.#secret
  }
}

/** The token for a question to this issuer; `undefined` for any other. */
export const subjectTokenFor = (issuer: string, token: SubjectToken): Redacted.Redacted<string> | undefined =>
  token.issuer === issuer ? open(token) : undefined
