/**
 * Addresses that a browser may be sent back to with a code: https, http on this machine, or a scheme of an
 * application's own (RFC 8252, 7). Whatever else a URL can hold could lead or be read elsewhere.
 */
import { isLoopback } from "./Loopback.ts"

const LONGEST = 2000
/** Schemes that a browser itself would act on. */
const NEVER = new Set(["javascript:", "data:", "vbscript:", "file:", "blob:", "about:", "view-source:", "filesystem:", "ws:", "wss:", "ftp:", "mailto:"])

/** Why it may not be one, in words; `undefined` for one that may. */
export const redirectMistake = (text: string): string | undefined => {
  if (text.length > LONGEST) return `has more than ${LONGEST} characters`
  if (!/^[\x21-\x7e]+$/u.test(text) || /["'<>\\^`{|}]/u.test(text) || !URL.canParse(text)) return "is no address"
  const { hash, hostname, password, protocol, username } = new URL(text)
  if (text.includes("#") || hash !== "") return "has a fragment"
  if (username !== "" || password !== "") return "has a user name"
  if (NEVER.has(protocol)) return `begins with ${protocol}, which no application owns`
  if (protocol !== "https:" && protocol !== "http:") return undefined
  if (!/^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])$/u.test(hostname)) return "has no plain host name"
  return protocol === "https:" || isLoopback(hostname) ? undefined : "has to begin with https:// where it is not loopback"
}

/** On this machine by number, where the port is the application's to choose at each start (RFC 8252, 7.3). */
const loopbackForm = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(?::\d{1,5})?((?:\/[^#]*)?)$/u

/** Whether it is the registered one, letter by letter but for the port of a loopback address. */
export const isRedirect = (asked: string, registered: string): boolean => {
  if (asked === registered) return true
  const [, host, rest] = loopbackForm.exec(asked) ?? []
  const [, sameHost, sameRest] = loopbackForm.exec(registered) ?? []
  return host !== undefined && host === sameHost && rest === sameRest
}

/** Whether only this machine is meant, where any application could claim to be it. */
export const isOnThisMachine = (text: string): boolean => {
  const { hostname, protocol } = new URL(text)
  return (protocol !== "https:" && protocol !== "http:") || isLoopback(hostname)
}
