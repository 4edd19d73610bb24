/**
 * Takes secrets out of text on its way out of the process: the values that are known
 * to be secret, and what looks like a credential whoever wrote it.
 */
import { Context } from "effect"

const MASK = "[redacted]"

const patterns: ReadonlyArray<RegExp> = [
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*/gu,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/gu,
  /\b(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk-|sk_live_|npm_|pypi-|hf_|mfk_|mft_|mfr_)[A-Za-z0-9_-]{16,}/gu,
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/gu,
  /\bAIza[A-Za-z0-9_-]{30,}/gu
]

const bearer = /\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}/giu
const userInfo = /(:\/\/)[^/\s:@]+:[^/\s@]+@/gu
const parameter = /([?&](?:access_token|refresh_token|id_token|token|code|client_secret|api_key|password)=)[^&\s"']+/giu

/** Shorter values would take ordinary words out of every line. */
const SHORTEST = 6

/** Most secrets that are known at once; the oldest are forgotten first. */
const MOST = 5000

/** Knows secrets by value; what it redacts from then on has none of them. */
export class Redactor {
  readonly #known = new Set<string>()
  #secrets: ReadonlyArray<string> = []

  /** Adds secrets; those before them stay known, since what was started with them may still run. */
  know(secrets: Iterable<string>): void {
    for (const secret of secrets) if (secret.length >= SHORTEST) this.#known.add(secret)
    for (const oldest of [...this.#known].slice(0, Math.max(0, this.#known.size - MOST))) this.#known.delete(oldest)
    this.#secrets = [...this.#known].flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret.toWellFormed())])
      .sort((a, b) => b.length - a.length)
  }

  redact(text: string): string {
    let clean = text
    for (const secret of this.#secrets) clean = clean.replaceAll(secret, MASK)
    for (const pattern of patterns) clean = clean.replace(pattern, MASK)
    return clean.replace(bearer, `$1 ${MASK}`).replace(userInfo, `$1${MASK}@`).replace(parameter, `$1${MASK}`)
  }

  /** A JSON value with every text in it redacted. */
  redactAll(value: unknown): unknown {
    if (typeof value === "string") return this.redact(value)
    if (Array.isArray(value)) return value.map((item) => this.redactAll(item))
    if (typeof value !== "object" || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.redactAll(item)]))
  }
}

/** The redactor of this process, for those that answer with more than the log. */
export class Redaction extends Context.Service<Redaction, Redactor>()("manifold/observe/Redaction") {}
