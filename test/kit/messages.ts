/** What clients say in tests, as it is written, and what they wait for. */
import { Effect } from "effect"
import type { Peer } from "./peers.ts"

/** Arguments that no reader may read and write anew. */
export const EXACT = `{"n":9007199254740993123,"f":1.0,"e":1E400,"s":"é \\u00e9 😀 \\ud83d\\ude00","__proto__":{"x":0.10}}`

const ENVELOPE = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`

export const modernText = (id: number, method: string, params?: string) =>
  `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":{${params === undefined ? "" : `${params},`}${ENVELOPE}}}`

export const said = ({ said }: Peer, pattern: RegExp) => Effect.promise(() => said(pattern))

/** The answer to a request, which writes its id first or last. */
export const answer = (client: Peer, id: number) =>
  said(client, new RegExp(`^\\{"jsonrpc":"2.0",(?:"id":${id},"(?:error|result)"|"result":.*"id":${id}\\}$)`, "u"))

/** Opens a session; a client that can be asked says so. */
export const opened = Effect.fnUntraced(function*(client: Peer, { canBeAsked = false, version = "2025-11-25" } = {}) {
  client.send(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"${version}","capabilities":${canBeAsked ? `{"elicitation":{}}` : "{}"},"clientInfo":{"name":"peer","version":"1"}}}`)
  const result = yield* answer(client, 0)
  client.send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
  return result
})
