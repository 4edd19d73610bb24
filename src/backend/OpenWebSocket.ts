/** Opens a conversation over a WebSocket. A credential goes with the upgrade, so that each has sockets of its own. */
import { Effect } from "effect"
import { BackendFailed, backendFailed } from "./BackendFailed.ts"
import type { Connection } from "./Connection.ts"
import type { OpenEffect, Opened, Opening } from "./Opened.ts"
import { settleEra } from "./SettleEra.ts"
import type { Endpoint } from "./transport/Http.node.ts"
import { webSocketTransport } from "./transport/WebSocket.node.ts"

/** How long, in milliseconds, an address may take to open a socket. */
const PATIENCE = 10_000

/** A socket, and how to have more of them. */
export const openWebSocket = (opening: Opening, endpoint: Endpoint): OpenEffect =>
  Effect.map(settleEra(opening, connected(opening, endpoint)), (opened): Opened => ({
    ...opened,
    further: {
      tellsCalls: opened.handshake.era === "modern",
      isProcess: false,
      open: ({ capabilities, headers, observer }) =>
        settleEra(
          { ...opening, capabilities, observer, remembered: opened.handshake.era },
          connected(opening, { ...endpoint, headers: { ...endpoint.headers, ...headers } })
        )
    }
  }))

const connected = ({ backend }: Opening, endpoint: Endpoint) => (connection: Connection) =>
  webSocketTransport(endpoint, connection.receiver).pipe(
    Effect.timeoutOrElse({
      duration: PATIENCE,
      orElse: () => Effect.fail(new BackendFailed({ backend, reason: "timed_out", detail: `did not open a WebSocket within ${PATIENCE} ms` }))
    }),
    Effect.catchTag("NoSocket", ({ detail, status }) =>
      Effect.fail(backendFailed(backend, { kind: "unreachable", detail, ...(status === undefined ? {} : { status }) }))),
    Effect.map((transport) => connection.attach(transport))
  )
