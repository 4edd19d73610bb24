/** The pages of signing in and consent in a real Chromium, without scripts and as wide as a small telephone. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import { type BrowserPage, chromiumPage, noChromium } from "../kit/chromium.ts"
import { loopback } from "../kit/loopback.ts"
import { givingTokens } from "../kit/ownTokens.ts"

if (noChromium !== undefined) console.log(`The pages are not tried in a Chromium: ${noChromium}`)

const VERIFIER = "v".repeat(43)

/** A gateway, a client that waits for its user to come back, and a Chromium. */
const started = Effect.gen(function*() {
  const { origin } = yield* givingTokens()
  const client = yield* loopback(() => (_, response) => void response.writeHead(200, { "content-type": "text/html" }).end("<h1>Back</h1>"))
  const page = yield* chromiumPage
  const complaints: Array<string> = []
  page.on("console", (message) => void (message.type() === "error" && complaints.push(message.text())))
  const address = `${origin}/oauth/authorize?${new URLSearchParams({
    response_type: "code",
    client_id: "desk",
    redirect_uri: `${client.origin}/callback`,
    state: "s",
    resource: `${origin}/mcp`,
    code_challenge_method: "S256",
    code_challenge: createHash("sha256").update(VERIFIER).digest("base64url")
  })}`
  return { address, client, complaints, origin, page }
})

/** At the upstream's own pages. */
const signedIn = async (page: BrowserPage) => {
  await page.locator("input[name=login]").fill("ada")
  await page.locator("input[name=password]").fill("any")
  await page.locator("button[type=submit]").click()
  await page.waitForURL((url) => url.pathname.includes("/interaction/") || url.pathname.startsWith("/oauth/"))
  if (page.url().includes("/interaction/")) await page.locator("button[type=submit]").click()
}

const isWithinWidth = (page: BrowserPage) => page.evaluate<boolean>("document.documentElement.scrollWidth <= 320")
const background = (page: BrowserPage) => page.evaluate<string>("getComputedStyle(document.documentElement).colorScheme + getComputedStyle(document.querySelector('button')).color")

describe.skipIf(noChromium !== undefined)("the pages in a Chromium", () => {
  it.live("lead a user through consent and back to the client, by keyboard and without a script", () =>
    Effect.gen(function*() {
      const { address, client, complaints, origin, page } = yield* started
      yield* Effect.promise(async () => {
        await page.goto(address)
        await signedIn(page)
        await page.waitForURL((url) => url.pathname === "/oauth/authorize")
        assert.strictEqual(await page.getByRole("heading", { name: "Let Desk use this gateway?" }).count(), 1)
        assert.strictEqual(await page.getByRole("main").count(), 1)
        for (const name of ["Allow", "Do not allow"]) assert.strictEqual(await page.getByRole("button", { name, exact: true }).count(), 1)
        assert.isTrue(await isWithinWidth(page), "nothing is wider than the screen")

        await page.emulateMedia({ colorScheme: "light" })
        const light = await background(page)
        await page.emulateMedia({ colorScheme: "dark" })
        assert.notStrictEqual(await background(page), light)

        await page.keyboard.press("Tab")
        assert.strictEqual(await page.evaluate("document.activeElement.textContent"), "Allow")
        assert.notStrictEqual(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle"), "none")
        await page.keyboard.press("Enter")
        await page.waitForURL((url) => url.origin === client.origin)
        const back = new URL(page.url()).searchParams
        assert.match(back.get("code") ?? "", /^[\w-]{43}$/u)
        assert.deepStrictEqual([back.get("state"), back.get("iss")], ["s", origin])
        assert.deepStrictEqual(complaints.filter((text) => text.includes("Content Security Policy")), [])
      })
    }).pipe(Effect.scoped))

  it.live("take a no, end the session, and are shown in no frame of another site", () =>
    Effect.gen(function*() {
      const { address, client, origin, page } = yield* started
      const other = yield* loopback(() => (_, response) =>
        void response.writeHead(200, { "content-type": "text/html" }).end(`<h1>Other</h1><iframe src="${origin}/oauth/sign-out"></iframe>`))
      yield* Effect.promise(async () => {
        await page.goto(address)
        await signedIn(page)
        await page.waitForURL((url) => url.pathname === "/oauth/authorize")
        await page.getByRole("button", { name: "Do not allow" }).click()
        await page.waitForURL((url) => url.origin === client.origin)
        assert.strictEqual(new URL(page.url()).searchParams.get("error"), "access_denied")

        await page.goto(other.origin)
        const [, framed] = page.frames()
        assert.notInclude(await framed?.content() ?? "", "Sign out")

        await page.goto(`${origin}/oauth/sign-out`)
        await page.getByRole("button", { name: "Sign out" }).click()
        assert.strictEqual(await page.getByRole("heading", { name: "Signed out" }).count(), 1)
        await page.goto(`${origin}/oauth/authorize?client_id=other`)
        assert.strictEqual(await page.getByRole("heading", { name: "This did not work" }).count(), 1)
        assert.isTrue(await isWithinWidth(page))
      })
    }).pipe(Effect.scoped))
})
