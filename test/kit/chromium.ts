/** A real Chromium, where there is one: playwright-core beside us and a Chromium on this machine. Without, the tests say why they are skipped. */
import { existsSync } from "node:fs"
import { createRequire } from "node:module"
import { Effect, type Scope } from "effect"

/** What of playwright-core's pages the tests use. */
export interface BrowserPage {
  readonly goto: (url: string) => Promise<unknown>
  readonly url: () => string
  readonly content: () => Promise<string>
  readonly evaluate: <A>(script: string) => Promise<A>
  readonly emulateMedia: (options: { readonly colorScheme: "light" | "dark" }) => Promise<void>
  readonly on: (event: "console" | "requestfailed", listener: (message: { readonly text: () => string; readonly type: () => string }) => void) => unknown
  readonly keyboard: { readonly press: (key: string) => Promise<void> }
  readonly getByRole: (role: string, options?: { readonly name: string; readonly exact?: boolean }) => { readonly click: () => Promise<void>; readonly count: () => Promise<number> }
  readonly locator: (selector: string) => { readonly fill: (text: string) => Promise<void>; readonly count: () => Promise<number>; readonly click: () => Promise<void> }
  readonly waitForURL: (test: (url: URL) => boolean) => Promise<void>
  readonly frames: () => ReadonlyArray<{ readonly url: () => string; readonly content: () => Promise<string> }>
}

interface Context {
  readonly newPage: () => Promise<BrowserPage>
  readonly close: () => Promise<void>
}

interface Launched {
  readonly newContext: (options: { readonly javaScriptEnabled: boolean; readonly viewport: { readonly width: number; readonly height: number } }) => Promise<Context>
  readonly close: () => Promise<void>
}

interface Playwright {
  readonly chromium: { readonly launch: (options: object) => Promise<Launched> }
}

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-default-apps",
  "--no-pings",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"
]

const playwright = (): Playwright | undefined => {
  try {
    return createRequire(`${process.cwd()}/`)("playwright-core") as Playwright
  } catch {
    return undefined
  }
}

const executablePath = PLACES.find((place) => existsSync(place))

/** Why there is no Chromium; nothing where there is one. */
export const noChromium: string | undefined = playwright() === undefined
  ? "playwright-core is not installed"
  : executablePath === undefined ? `there is no Chromium at ${PLACES.join(", ")}` : undefined

/** A page as wide as a small telephone, without scripts. */
export const chromiumPage: Effect.Effect<BrowserPage, never, Scope.Scope> = Effect.gen(function*() {
  const browser = yield* Effect.acquireRelease(
    Effect.promise(async () => {
      const found = playwright()
      if (found === undefined) throw new Error(noChromium)
      return found.chromium.launch({ executablePath, headless: true, args: ARGUMENTS })
    }),
    (launched) => Effect.promise(() => launched.close())
  )
  const context = yield* Effect.promise(() => browser.newContext({ javaScriptEnabled: false, viewport: { width: 320, height: 640 } }))
  return yield* Effect.promise(() => context.newPage())
})
