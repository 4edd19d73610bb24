import { assert, describe, it } from "@effect/vitest"
import { Redacted } from "effect"
import * as fc from "fast-check"
import { Socket } from "node:net"
import { credentialsOf } from "../../src/mcp/Credentials.node.ts"

const of = (...rawHeaders: ReadonlyArray<string>) => credentialsOf({ rawHeaders: [...rawHeaders], socket: new Socket() })

describe("the credential of a request", () => {
  it("is a token or a key, whichever header it came in, and its whole text is what the hash is of", () => {
    const token = of("Host", "h", "Authorization", "Bearer a.b-c_d~e+f/g==")
    assert.deepInclude(token, { kind: "token" })
    assert.strictEqual(token.kind === "token" ? Redacted.value(token.secret) : "", "a.b-c_d~e+f/g==")
    assert.deepInclude(of("authorization", "bearer mfk_1"), { kind: "key" })
    assert.deepInclude(of("x-api-key", "mfk_1"), { kind: "key" })
    const [one, other] = [of("Authorization", "Bearer aaaaaaaaaaaaaaaaaaaaaaaaaaaa1"), of("Authorization", "Bearer aaaaaaaaaaaaaaaaaaaaaaaaaaaa2")]
    assert.notStrictEqual(one.kind === "token" ? one.hash : "", other.kind === "token" ? other.hash : "")
  })

  it.each([
    [["Authorization", "Bearer a", "Authorization", "Bearer b"]],
    [["Authorization", "Bearer a", "X-API-Key", "b"]],
    [["Authorization", "Bearer a b"]],
    [["Authorization", "Bearer a,Bearer b"]],
    [["Authorization", "Bearer"]],
    [["Authorization", "Bearer  "]],
    [["Authorization", ""]],
    [["Authorization", "Basic YTpi"]],
    [["Authorization", "Bearer \u00e4"]],
    [["Authorization", `Bearer ${"a".repeat(16 * 1024 + 1)}`]],
    [["X-API-Key", "a b"]]
  ])("is a mistake and never a choice: %j", (headers) => {
    assert.strictEqual(of(...headers).kind, "malformed")
  })

  it("is none without such a header", () => {
    assert.strictEqual(of("Host", "h", "Cookie", "Authorization=Bearer a").kind, "none")
  })

  it("never throws, and never shows itself", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (value) => {
      const found = of("Authorization", value)
      if (value.length > 8 && found.kind === "token") assert.notInclude(JSON.stringify(found), value.slice(7))
    }))
  })
})
