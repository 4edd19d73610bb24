import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { isOurs } from "../../src/oauth/browser/SigningIn.ts"
import { BASE, gateway, signedIn, visitorOf } from "../kit/browsing.ts"
import { services } from "../kit/oauth.ts"

describe("the way back after signing in", () => {
  for (const path of ["//evil.example.com", "/\\evil.example.com", "\\/evil", "https://evil.example.com/x", "evil", "", "/\t/evil.example.com", "/a\nb", "/@evil"]) {
    it(`${path === "/@evil" ? "may be" : "may not be"} ${JSON.stringify(path)}`, () => {
      assert.strictEqual(isOurs(path, BASE), path === "/@evil")
    })
  }
})

describe("signing out", () => {
  const formToken = (text: string) => /name="form_token" value="([^"]+)"/u.exec(text)?.[1] ?? ""

  it.effect("takes the form of this session; another's, or none, ends nothing", () =>
    Effect.gen(function*() {
      const { newBrowser } = yield* gateway()
      const [ada, bob] = [newBrowser(), newBrowser()]
      yield* signedIn(ada)
      yield* signedIn(bob, "bob")
      const [adas, bobs] = yield* Effect.forEach([ada, bob], (visit) => Effect.flatMap(visit.get("/oauth/sign-out"), (answer) => Effect.promise(() => answer.text())))
      assert.include(adas, "ada@example.com")
      for (const form_token of ["", formToken(bobs ?? "")]) {
        assert.strictEqual((yield* ada.post("/oauth/sign-out", { form_token })).status, 403)
      }
      assert.isDefined(yield* visitorOf(ada))
      const stale = new Map(ada.cookies)
      const out = yield* ada.post("/oauth/sign-out", { form_token: formToken(adas ?? "") })
      assert.include(yield* Effect.promise(() => out.text()), "Signed out")
      assert.isFalse(ada.cookies.has("__Host-manifold-session"))
      assert.isUndefined(yield* visitorOf({ ...ada, cookies: stale }), "the cookie is worth nothing any more")
      assert.isDefined(yield* visitorOf(bob))
    }).pipe(Effect.scoped, Effect.provide(services)))
})
