/**
 * Takes secrets out of text on its way out of the process: the values that are known
 * to be secret, and what looks like a credential whoever wrote it.
 */
const MASK = "[redacted]"

const patterns: ReadonlyArray<RegExp> = [
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*/gu,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/gu,
  /\b(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk-|sk_live_|npm_|pypi-|hf_|mfk_)[A-Za-z0-9_-]{16,}/gu,
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/gu,
  /\bAIza[A-Za-z0-9_-]{30,}/gu
]

const bearer = /\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}/giu
const userInfo = /(:\/\/)[^/\s:@]+:[^/\s@]+@/gu
const parameter = /([?&](?:access_token|refresh_token|id_token|token|code|client_secret|api_key|password)=)[^&\s"']+/giu

/** Shorter values would take ordinary words out of every line. */
const SHORTEST = 6

/** Knows secrets by value; what it redacts from then on has none of them. */
export class Redactor {
  #secrets: ReadonlyArray<string> = []

  /** Replaces the known secrets; call it with each manifest that comes into force. */
  know(secrets: Iterable<string>): void {
    const long = [...new Set(secrets)].filter((secret) => secret.length >= SHORTEST)
    this.#secrets = long.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret.toWellFormed())])
      .sort((a, b) => b.length - a.length)
  }

  redact(text: string): string {
    let clean = text
    for (const secret of this.#secrets) clean = clean.replaceAll(secret, MASK)
    for (const pattern of patterns) clean = clean.replace(pattern, MASK)
    return clean.replace(bearer, `$1 ${MASK}`).replace(userInfo, `$1${MASK}@`).replace(parameter, `$1${MASK}`)
  }
}
