import { assert, describe, it } from "@effect/vitest"
import { isOnThisMachine, isRedirect, redirectMistake } from "../../src/lib/RedirectUri.ts"

const good = [
  "https://app.example.com/callback",
  "https://app.example.com:8443/a?b=c",
  "http://127.0.0.1/callback",
  "http://[::1]:8080/callback",
  "http://localhost:3000/",
  "com.example.app:/callback",
  "cursor://anysphere.cursor-retrieval/oauth"
]

const bad = [
  "",
  "callback",
  "/callback",
  "//app.example.com/callback",
  "http://app.example.com/callback",
  "http://127.0.0.1.example.com/callback",
  "https://app.example.com/#fragment",
  "https://app.example.com/callback#",
  "https://user@app.example.com/callback",
  "https://app.example.com/a b",
  "https://app.example.com/a\nb",
  "https://app.example.com\\@evil.example.com/",
  "https://a;b.example.com/",
  "https://a,b/",
  "https://app.example.com/\"><script>",
  "javascript:alert(1)",
  "JavaScript:alert(1)",
  "data:text/html,x",
  "file:///etc/passwd",
  "blob:https://app.example.com/x",
  `https://app.example.com/${"x".repeat(2000)}`
]

describe("an address that a browser may be sent back to", () => {
  for (const text of good) it(`may be ${text}`, () => assert.isUndefined(redirectMistake(text)))
  for (const text of bad) it(`may not be ${JSON.stringify(text.slice(0, 60))}`, () => assert.isString(redirectMistake(text)))

  it("is the registered one letter by letter, but for the port of a loopback address by number", () => {
    const pairs: ReadonlyArray<readonly [asked: string, registered: string, same: boolean]> = [
      ["http://127.0.0.1:5000/cb", "http://127.0.0.1/cb", true],
      ["http://127.0.0.1:5000/cb", "http://127.0.0.1:4000/cb", true],
      ["http://[::1]:5000/cb?a=1", "http://[::1]/cb?a=1", true],
      ["http://127.0.0.1:5000/cb", "http://[::1]/cb", false],
      ["http://localhost:5000/cb", "http://localhost/cb", false],
      ["http://127.0.0.1:5000/cb/", "http://127.0.0.1/cb", false],
      ["http://127.0.0.1:5000@evil.example.com/cb", "http://127.0.0.1/cb", false],
      ["http://127.0.0.1:500000/cb", "http://127.0.0.1/cb", false],
      ["https://127.0.0.1:5000/cb", "https://127.0.0.1/cb", false],
      ["https://app.example.com:443/cb", "https://app.example.com/cb", false],
      ["https://APP.example.com/cb", "https://app.example.com/cb", false]
    ]
    for (const [asked, registered, same] of pairs) assert.strictEqual(isRedirect(asked, registered), same, asked)
  })

  it("is on this machine on loopback and with an application's own scheme", () => {
    assert.deepStrictEqual(good.map(isOnThisMachine), [false, false, true, true, true, true, true])
  })
})
