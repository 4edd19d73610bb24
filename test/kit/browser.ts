/** The browser of a user who signs in and agrees: follows redirects, keeps cookies and fills in the forms of oidc-provider's own pages. */

/** @returns the address with which the user comes back to the client */
export const signedIn = async (start: string, returnAddress: string, user: string): Promise<URL> => {
  const jar = new Map<string, string>()
  let next: { readonly url: string; readonly body?: URLSearchParams } = { url: start }
  for (let hop = 0; hop < 12; hop++) {
    const response = await fetch(next.url, {
      redirect: "manual",
      method: next.body === undefined ? "GET" : "POST",
      body: next.body ?? null,
      headers: { cookie: [...jar].map((pair) => pair.join("=")).join("; ") }
    })
    keep(jar, response)
    const location = response.headers.get("location")
    const html = await response.text()
    if (location !== null) {
      const to = new URL(location, next.url)
      if (to.href.startsWith(returnAddress)) return to
      next = { url: to.href }
    } else if (response.status === 200) next = filledIn(html, next.url, user)
    else throw new Error(`${response.status} ${html.replaceAll(/<[^>]+>/gu, " ").replaceAll(/\s+/gu, " ").slice(0, 300)}`)
  }
  throw new Error("the authorization server sends the user round in circles")
}

const keep = (jar: Map<string, string>, response: Response) => {
  for (const cookie of response.headers.getSetCookie()) {
    const [, name = "", value = ""] = /^([^=]+)=([^;]*)/u.exec(cookie) ?? []
    if (value === "") jar.delete(name)
    else jar.set(name, value)
  }
}

const filledIn = (html: string, at: string, user: string) => {
  const action = /<form[^>]*action="([^"]+)"/u.exec(html)?.[1] ?? ""
  const prompt = /name="prompt" value="([^"]+)"/u.exec(html)?.[1] ?? ""
  const fields = prompt === "login" ? { prompt, login: user, password: "any" } : { prompt }
  return { url: new URL(action, at).href, body: new URLSearchParams(fields) }
}
