import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { Redactor } from "../../src/observe/Redaction.ts"
import { processorMillis } from "../kit/processorTime.ts"

describe("a redactor that knows a secret", () => {
  it("lets none of it out, plain, in JSON or in a URL, whatever it is made of", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme", minLength: 6, maxLength: 40 }), fc.string(), (secret, around) => {
      fc.pre(!"[redacted]".includes(secret) && !around.includes(secret))
      const redactor = knowing(secret)
      for (const form of [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]) {
        assert.isFalse(redactor.redact(`${around}|${form}|${around}`).includes(`|${form}|`), form)
      }
    }))
  })

  it("takes the longer of two that overlap, so that no end of it stays", () => {
    assert.strictEqual(knowing("secret", "secret-longer").redact("a secret-longer b"), "a [redacted] b")
  })

  it("still knows those of the last manifest when it is told new ones: what was started with them may still run", () => {
    const redactor = knowing("first-secret")
    redactor.know(["second-secret"])
    assert.strictEqual(redactor.redact("first-secret second-secret"), "[redacted] [redacted]")
  })

  it("leaves ordinary words in peace: values of under six characters are not looked for", () => {
    assert.strictEqual(knowing("true", "8080", "").redact("true 8080"), "true 8080")
  })

  it("takes a value that is no well-formed text", () => {
    assert.strictEqual(knowing("secret\ud800").redact("x"), "x")
  })
})

describe("what looks like a credential, whoever wrote it,", () => {
  const random = "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
  it.each([
    `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.${random}`,
    `ghp_${random}`,
    `github_pat_${random}`,
    `glpat-${random}`,
    `xoxb-${random}`,
    `sk-${random}`,
    `sk_live_${random}`,
    `npm_${random}`,
    `pypi-${random}`,
    `hf_${random}`,
    `mfk_${random}`,
    `mft_${random}`,
    `mfr_${random}`,
    "AKIAIOSFODNN7EXAMPLE",
    `AIza${random}`,
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\\nMIIE"
  ])("is taken out: %s", (credential) => {
    const clean = new Redactor().redact(`before ${credential}`)
    assert.strictEqual(clean, "before [redacted]")
  })

  it.each([
    ["Authorization: Bearer abc.def-123456", "Authorization: Bearer [redacted]"],
    ["authorization: basic dXNlcjpwYXNz", "authorization: basic [redacted]"],
    ["https://user:pass@host/x", "https://[redacted]@host/x"],
    ["/cb?code=abc123&state=x", "/cb?code=[redacted]&state=x"],
    ["?a=1&access_token=abc", "?a=1&access_token=[redacted]"]
  ])("is taken out where it stands: %s", (text, clean) => {
    assert.strictEqual(new Redactor().redact(text), clean)
  })

  it.each(["ready (legacy, protocol 2025-11-25)", "task-force one", "https://host/path?page=2", "npm_config_cache", "a@b.example"])("is not seen in %s", (text) => {
    assert.strictEqual(new Redactor().redact(text), text)
  })

  it("is looked for in linear time", () => {
    const took = processorMillis(() => {
      for (const hostile of ["eyJ", "://a:", "-----BEGIN ", "?code=", "bearer ", "sk-"]) new Redactor().redact(hostile.repeat(20_000))
    })
    assert.isBelow(took, 500)
  })
})

const knowing = (...secrets: ReadonlyArray<string>): Redactor => {
  const redactor = new Redactor()
  redactor.know(secrets)
  return redactor
}
