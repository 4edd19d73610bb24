/** A server that runs elsewhere: nothing to load, only an address. Plain http is for loopback alone. */
import { Effect, Schema } from "effect"
import { type Loader, Plugin } from "#plugin"

const Address = Schema.URLFromString.check(Schema.makeFilter((url) => {
  if (url.username !== "" || url.password !== "") return "user and password do not belong into the address: use config.headers"
  if (url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname))) return true
  if (url.protocol === "ws:" || url.protocol === "wss:") return "websocket is not supported yet: write an https address"
  return "expected an https address (http only for loopback)"
}))

const RemoteSource = Schema.Struct({
  url: Address.pipe(Schema.annotateEncoded({ description: "Where the server answers, https, or http on loopback" })),
  transport: Schema.optionalKey(
    Schema.Literals(["auto", "streamable_http", "sse"]).annotate({
      description: "How to speak to it; auto tries Streamable HTTP first, then HTTP+SSE of the oldest revision",
      message: "expected auto, streamable_http or sse (websocket is not supported yet)"
    })
  )
})

export default Plugin.define("loader", {
  name: "remote",
  summary: "Reaches a server that runs elsewhere, over HTTP",
  config: RemoteSource,
  build: ({ url, transport = "auto" }) => {
    // A query may carry a key; it is sent, but it is not for logs or a lock.
    const place = `${url.origin}${url.pathname}`
    return Effect.succeed({
      resolve: Effect.succeed({ source: `remote ${place}`, digest: `remote:${place}` }),
      launch: () => Effect.succeed({ _tag: "Http", url: url.href, transport } satisfies Loader.Launch)
    })
  }
})

const isLoopback = (host: string) => host === "localhost" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/u.test(host)
