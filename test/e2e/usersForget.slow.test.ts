/** `manifold users forget`: what a user granted is taken back everywhere, and no other user loses anything. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { userBrowser } from "../kit/browser.ts"
import { until } from "../kit/calls.ts"
import { consenting } from "../kit/consenting.ts"
import { MAIN } from "../kit/main.ts"

describe("a user who has left", () => {
  it.live("is forgotten here and at the server's authorization server, while the others stay connected", () =>
    Effect.gen(function*() {
      const { away, call, connected, home, list, tokenOf, url } = yield* consenting()
      const [ada, bob, operator] = yield* Effect.all([tokenOf("ada"), tokenOf("bob"), tokenOf("op", ["manifold:admin"])])
      const forget = (token: string, ...args: ReadonlyArray<string>) =>
        promisify(execFile)(process.execPath, [MAIN, "users", "forget", ...args, "--url", url, "--json"], { env: { ...process.env, MANIFOLD_TOKEN: token } })
          .then(({ stdout }) => JSON.parse(stdout), (cause: { readonly code: number }) => cause.code)
      yield* Effect.promise(async () => {
        for (const [user, token] of [["ada", ada], ["bob", bob]] as const) {
          await connected(token, userBrowser(user))
          await until(() => list(token), (names) => !names.includes("back__connect"))
        }
        assert.isNumber(await forget(ada, "bob"), "a user forgets nobody")
        assert.notInclude((await call(bob)).text, "/oauth/connect")
        const said = await forget(operator, "ada")
        assert.deepInclude(said, { issuer: home.issuer, subject: "ada", problems: [] })
        assert.isAbove(Object.values(said.kept as Record<string, number>).reduce((sum, count) => sum + count, 0), 0)
        assert.isAtLeast(away.count("POST /token/revocation"), 1)
        assert.include((await call(ada)).text, "/oauth/connect")
        assert.notInclude((await call(bob)).text, "/oauth/connect")
        // Nothing is left of her, and of one who never was there is nothing to forget.
        assert.deepStrictEqual(Object.values((await forget(operator, "ada")).kept).filter((count) => count !== 0), [])
        assert.deepInclude(await forget(operator, "nobody"), { subject: "nobody", problems: [] })
      })
    }).pipe(Effect.scoped))
})
