/** The pages: whatever is in what they show stays text, and nothing on them comes from elsewhere. */
import { assert, describe, it } from "@effect/vitest"
import { HttpServerResponse } from "effect/http"
import * as fc from "fast-check"
import { consentPage } from "../../src/oauth/pages/ConsentPage.ts"
import { signedOutPage, signOutPage, successPage } from "../../src/oauth/pages/DonePages.ts"
import { errorPage } from "../../src/oauth/pages/ErrorPage.ts"
import { answerOf, type Page, textOf } from "../../src/oauth/pages/Page.ts"

const consentFor = (text: string, redirectUri = "https://app.example.com/cb"): Page =>
  consentPage({
    clientName: text,
    clientId: text,
    isSelfNamed: true,
    redirectUri,
    isOnThisMachine: true,
    scopes: [text, text],
    resource: text,
    userName: text,
    action: text,
    formToken: text,
    query: text
  })

/** Every page with one text wherever a text can be. */
const pagesWith = (text: string): ReadonlyArray<Page> => [
  consentFor(text),
  successPage(text),
  errorPage({ status: 400, error: text, message: text, next: text, correlation: text }),
  signOutPage({ name: text, action: text, formToken: text }),
  signedOutPage
]

/** What a browser makes of a page: its tags and attributes, without any text. */
const skeletonOf = (html: string): string =>
  (html.match(/<[^>]*>/gu) ?? []).join("").replaceAll(/(value|action)="[^"]*"/gu, "$1")

const hostile = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string(),
  fc.constantFrom("</style><script>", "\"><img src=x onerror=alert(1)>", "' onfocus=alert(1) '", "</title>", "<!--", "]]>", "&lt;", "\u202egnp.exe", "${x}", "`"),
  fc.array(fc.constantFrom("<", ">", "\"", "'", "`", "&", "=", "/", " ", "a", "\u2028", "\u0000")).map((letters) => letters.join(""))
)

describe("a page", () => {
  it("has the same tags and attributes whatever texts it shows", () => {
    fc.assert(fc.property(hostile, (text) => {
      for (const [index, page] of pagesWith(text).entries()) {
        const plain = pagesWith("x")[index]
        assert.strictEqual(skeletonOf(textOf(page, "n")), skeletonOf(textOf(plain ?? page, "n")))
      }
    }), { numRuns: 500 })
  })

  it("shows no character that turns or hides what is around it", () => {
    for (const page of pagesWith("a\u202eb\u200bc\u0007d\u2066e")) assert.notMatch(textOf(page, "n"), /[\u202e\u200b\u0007\u2066]/u)
  })

  it("has a language, one heading, one main part, a title, and names on all that can be pressed", () => {
    for (const page of pagesWith("x")) {
      const html = textOf(page, "n")
      for (const [what, count] of [[/<html lang="en">/gu, 1], [/<h1>/gu, 1], [/<main>/gu, 1], [/<title>[^<]+<\/title>/gu, 1], [/<script/gu, 0], [/https?:\/\/(?!app\.example)/gu, 0]] as const) {
        assert.strictEqual((html.match(what) ?? []).length, count, `${page.title}: ${what}`)
      }
      for (const [, label] of html.matchAll(/<button[^>]*>([^<]*)<\/button>/gu)) assert.notStrictEqual(label, "")
      for (const [input] of html.matchAll(/<input[^>]*>/gu)) assert.include(input, `type="hidden"`)
    }
  })

  it("allows its own style and forms and nothing else, is in no frame, and is not kept", () => {
    const one = HttpServerResponse.toWeb(answerOf(consentFor("x")))
    const other = HttpServerResponse.toWeb(answerOf(consentFor("x")))
    const policy = one.headers.get("content-security-policy") ?? ""
    assert.match(policy, /^default-src 'none'; style-src 'nonce-[\w-]{43}'; form-action 'self' https:\/\/app\.example\.com; frame-ancestors 'none'; base-uri 'none'$/u)
    assert.notStrictEqual(policy, other.headers.get("content-security-policy"), "a nonce is for one answer")
    assert.strictEqual(one.headers.get("cache-control"), "no-store")
    assert.strictEqual(one.headers.get("x-content-type-options"), "nosniff")
    assert.strictEqual(one.headers.get("x-frame-options"), "DENY")
  })

  it("lets the form of a consent end where the client is: an origin, or the scheme of an application", () => {
    const sources = ["https://a.example.com:8443/x", "http://[::1]:8/cb", "com.example.app:/cb"].map((uri) => consentFor("x", uri).formTo)
    assert.deepStrictEqual(sources, ["https://a.example.com:8443", "http://[::1]:8", "com.example.app:"])
  })

  it("cuts a name that would push the rest away", () => {
    assert.isBelow(consentFor("n".repeat(2000)).title.length, 130)
  })
})
