/** A server that runs elsewhere: nothing to load, only an address. Plain http and ws are for loopback alone. */
import { Effect, Schema } from "effect"
import { Egress, type Loader, Plugin } from "#plugin"

const Address = Schema.URLFromString.check(Schema.makeFilter((url) => {
  if (url.username !== "" || url.password !== "") return "user and password do not belong into the address: use config.headers"
  const isPlain = url.protocol === "http:" || url.protocol === "ws:"
  if (url.protocol === "https:" || url.protocol === "wss:" || (isPlain && Egress.isLoopback(url.hostname))) return true
  return "expected an https or wss address (http and ws only for loopback)"
}))

const RemoteSource = Schema.Struct({
  url: Address.pipe(Schema.annotateEncoded({ description: "Where the server answers: https or wss, or http or ws on loopback" })),
  transport: Schema.optionalKey(
    Schema.Literals(["auto", "streamable_http", "sse", "websocket"]).annotate({
      description: "How to speak to it; auto tries Streamable HTTP first, then HTTP+SSE of the oldest revision, and takes WebSocket for wss",
      message: "expected auto, streamable_http, sse or websocket"
    })
  )
}).check(Schema.makeFilter(({ transport = "auto", url }) => {
  const isSocket = url.protocol === "wss:" || url.protocol === "ws:"
  if (transport === "auto" || isSocket === (transport === "websocket")) return true
  return { path: ["transport"], issue: `does not fit an address of ${url.protocol}` }
}))

export default Plugin.define("loader", {
  name: "remote",
  summary: "Reaches a server that runs elsewhere, over HTTP or WebSocket",
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
