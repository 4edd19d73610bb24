/** Whether a path or URI is written the plain way, so that every reader takes it for the same one. */

/** A step up or nowhere, or two slashes: readers tidy such paths up in ways of their own. */
const DETOUR = /(?:^|[\\/])\.{1,2}(?:[\\/]|$)|[\\/]{2}/u
/** What needs no escape, a slash or a percent sign, escaped all the same (RFC 3986, 6.2.2.2). */
const ESCAPED = /%(?:2[5d-f]|3[0-9]|4[1-9a-f]|5[0-9acf]|6[1-9a-f]|7[0-9ae]|00)/iu
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//u

export const isPlain = (text: string): boolean => {
  const [scheme = ""] = SCHEME.exec(text) ?? []
  return scheme === scheme.toLowerCase() && !DETOUR.test(text.slice(scheme.length)) && !ESCAPED.test(text) && !text.includes("\0")
}
