/** Reads the credential of an HTTP request (RFC 6750, 2.1; RFC 9110, 11.6.2): a second header, scheme or token is a mistake, never a choice. */
import { hash } from "node:crypto"
import type { IncomingMessage } from "node:http"
import { TLSSocket } from "node:tls"
import { Redacted } from "effect"
import type { Certified, Credentials } from "../guard/Credentials.ts"
import { KEY_PREFIX } from "../vault/ApiKeys.ts"

/** Longest token or key, in characters. */
const LONGEST = 16 * 1024

/** RFC 6750, 2.1: b64token. */
const bearer = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/iu
const key = /^[\x21-\x7e]+$/u

export const credentialsOf = ({ rawHeaders, socket }: Pick<IncomingMessage, "rawHeaders" | "socket">): Credentials => {
  const from = socket.remoteAddress ?? "unknown"
  let authorization: string | undefined
  let apiKey: string | undefined
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ""
    if (name.length !== 13 && name.length !== 9) continue
    const lower = name.toLowerCase()
    if (lower === "authorization") authorization = rawHeaders[i + 1]
    else if (lower === "x-api-key") apiKey = rawHeaders[i + 1]
    else continue
    count++
  }
  if (count === 0) return certificateOf(socket, from) ?? { kind: "none", from }
  const malformed = (why: string): Credentials => ({ kind: "malformed", from, why })
  if (count > 1) return malformed("There is more than one credential")
  if (apiKey !== undefined) return key.test(apiKey) ? presented("key", apiKey, from) : malformed("The X-API-Key header is not well formed")
  const token = bearer.exec(authorization ?? "")?.[1]
  if (token === undefined) return malformed("The Authorization header must be one Bearer token")
  return presented(token.startsWith(KEY_PREFIX) ? "key" : "token", token, from)
}

/** What stands in a certificate that its authority checked: a URI names a machine better than the free text of a name. */
const readCertificate = (socket: TLSSocket, from: string): Certified | undefined => {
  const { issuer, subject, subjectaltname = "" } = socket.getPeerCertificate()
  // A name with a comma or a line in it stands in quotes and could be read as more names than one.
  if (subjectaltname.includes('"')) return undefined
  const uri = /(?:^|, )URI:([^,\s]+)/u.exec(subjectaltname)?.[1]
  const name = uri ?? subject?.CN
  const authority = issuer?.CN
  return typeof name !== "string" || name === "" || typeof authority !== "string" ? undefined : { kind: "certificate", from, subject: name, authority }
}

/** Read once for a connection, which shows one certificate for all of its requests. */
const read = new WeakMap<TLSSocket, Certified | undefined>()

const certificateOf = (socket: IncomingMessage["socket"], from: string): Certified | undefined => {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined
  if (!read.has(socket)) read.set(socket, readCertificate(socket, from))
  return read.get(socket)
}

const presented = (kind: "token" | "key", secret: string, from: string): Credentials =>
  secret.length > LONGEST
    ? { kind: "malformed", from, why: "The credential is too long" }
    : { kind, from, hash: hash("sha256", secret, "base64"), secret: Redacted.make(secret) }
