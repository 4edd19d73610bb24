/** The server that listens: plain HTTP, or https with the files of the manifest, where client certificates may say who calls. */
import { createServer, type Server, type ServerOptions } from "node:http"
import { createServer as createSecure } from "node:https"
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { Effect, Schema } from "effect"

export class ListenFailed extends Schema.TaggedError<ListenFailed>()("ListenFailed", {
  host: Schema.String,
  port: Schema.Int,
  cause: Schema.Defect()
}) {
  override get message() {
    const { cause } = this
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown"
    const why = code === "EADDRINUSE" ? "another process listens there; --port 0 takes a free port" : code
    const what = cause instanceof Error && "path" in cause ? `${why} (${String(cause.path)})` : why
    return `Cannot listen on ${this.host}:${this.port}: ${what}`
  }
}

/** PEM files, relative to a folder. */
export interface TlsFiles {
  readonly directory: string
  readonly certificate: string
  readonly key: string
  /** Whose client certificates are asked for; a client without one may still bring a token or a key. */
  readonly client_ca?: string | undefined
}

/** How often, in milliseconds, the files are read again: certificates are renewed while the gateway runs. */
const AGAIN = 60_000

const contextFrom = ({ certificate, client_ca, directory, key }: TlsFiles) => ({
  cert: readFileSync(resolve(directory, certificate)),
  key: readFileSync(resolve(directory, key)),
  minVersion: "TLSv1.2" as const,
  ...(client_ca === undefined ? {} : { ca: readFileSync(resolve(directory, client_ca)) })
})

/** Not listening yet. */
export const serverWith = (
  tls: TlsFiles | undefined,
  options: ServerOptions,
  { host, port }: { readonly host: string; readonly port: number }
): Effect.Effect<Server, ListenFailed> =>
  Effect.try({
    try: () => {
      if (tls === undefined) return createServer(options)
      const asks = tls.client_ca === undefined ? {} : { requestCert: true, rejectUnauthorized: false }
      const server = createSecure({ ...options, ...contextFrom(tls), ...asks })
      const timer = setInterval(() => {
        try {
          server.setSecureContext({ ...contextFrom(tls), ...asks })
        } catch {
          // Half-written files are read again; what is in force stays.
        }
      }, AGAIN)
      timer.unref()
      server.once("close", () => clearInterval(timer))
      return server
    },
    catch: (cause) => new ListenFailed({ host, port, cause })
  })
