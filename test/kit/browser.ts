/** A user's browser: follows redirects, keeps cookies per origin, and fills in the forms of oidc-provider's pages and of the gateway's. */

export interface Page {
  readonly url: string
  readonly status: number
  readonly html: string
  readonly headers: Headers
}

export interface UserBrowser {
  /** Goes to an address and through all forms on the way, until a page without one, or until it comes to `stopAt`. */
  readonly open: (url: string, stopAt?: string) => Promise<Page>
}

interface Next {
  readonly url: string
  readonly body?: URLSearchParams
}

export interface Behaviour {
  /** A part of the addresses whose question is answered with no. */
  readonly refuses?: string
  /** Hears every answer, with the address that it came from. */
  readonly heard?: (url: string, response: Response) => void
}

/** @param user the name that it signs in as wherever it is asked */
export const userBrowser = (user: string, { heard, refuses }: Behaviour = {}): UserBrowser => {
  const jars = new Map<string, Map<string, string>>()

  const fetched = async ({ body, url }: Next) => {
    const { origin } = new URL(url)
    const jar = jars.get(origin) ?? new Map<string, string>()
    jars.set(origin, jar)
    const response = await fetch(url, {
      redirect: "manual",
      method: body === undefined ? "GET" : "POST",
      body: body ?? null,
      // A page of ours knows its own origin; nothing of it goes elsewhere.
      headers: { cookie: [...jar].map((pair) => pair.join("=")).join("; "), ...(body === undefined ? {} : { origin }) }
    })
    keep(jar, response)
    heard?.(url, response)
    return response
  }

  const open = async (url: string, stopAt?: string): Promise<Page> => {
    let next: Next = { url }
    for (let hop = 0; hop < 25; hop++) {
      const response = await fetched(next)
      const location = response.headers.get("location")
      const html = await response.text()
      const page = { url: next.url, status: response.status, html, headers: response.headers }
      if (location !== null) {
        next = { url: new URL(location, next.url).href }
        if (stopAt !== undefined && next.url.startsWith(stopAt)) return { ...page, url: next.url }
        continue
      }
      const isRefused = refuses !== undefined && next.url.includes(refuses)
      const abort = isRefused ? /<a href="([^"]+\/abort)"/u.exec(html)?.[1] : undefined
      if (abort !== undefined) {
        next = { url: new URL(unescaped(abort), next.url).href }
        continue
      }
      const form = response.status === 200 ? filledIn(html, next.url, user) : undefined
      if (form === undefined) return page
      next = form
    }
    throw new Error("the user is sent round in circles")
  }

  return { open }
}

/** @returns the address with which the user comes back to the client */
export const signedIn = async (start: string, returnAddress: string, user: string): Promise<URL> => {
  const { html, status, url } = await userBrowser(user).open(start, returnAddress)
  if (!url.startsWith(returnAddress)) throw new Error(`${status} ${html.replaceAll(/<[^>]+>/gu, " ").replaceAll(/\s+/gu, " ").slice(0, 300)}`)
  return new URL(url)
}

const keep = (jar: Map<string, string>, response: Response) => {
  for (const cookie of response.headers.getSetCookie()) {
    const [, name = "", value = ""] = /^([^=]+)=([^;]*)/u.exec(cookie) ?? []
    if (value === "") jar.delete(name)
    else jar.set(name, value)
  }
}

/** The first form of a page with everything that is hidden in it, agreed to; nothing for a page without one. */
const filledIn = (html: string, at: string, user: string): Next | undefined => {
  const form = /<form[^>]*action="([^"]+)"[^>]*>([\s\S]*?)<\/form>/u.exec(html)
  if (form === null) return undefined
  const [, action = "", inside = ""] = form
  const body = new URLSearchParams()
  for (const [input] of inside.matchAll(/<input[^>]*>/gu)) {
    const { name = "", value = "" } = attributesOf(input)
    if (name !== "") body.set(name, value)
  }
  // The first button is the one that agrees.
  const button = attributesOf(/<button[^>]*>/u.exec(inside)?.[0] ?? "")
  if (button["name"] !== undefined) body.set(button["name"], button["value"] ?? "")
  if (body.get("prompt") === "login") {
    body.set("login", user)
    body.set("password", "any")
  }
  return { url: new URL(unescaped(action), at).href, body }
}

const attributesOf = (tag: string): Record<string, string> =>
  Object.fromEntries([...tag.matchAll(/([a-z-]+)="([^"]*)"/gu)].map(([, name = "", value = ""]) => [name, unescaped(value)]))

const unescaped = (text: string): string =>
  text.replaceAll("&quot;", "\"").replaceAll("&#39;", "'").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&")
