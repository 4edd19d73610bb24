/** Opens a conversation with a process on its standard streams; one that ended at the first question is started once more. */
import { Effect } from "effect"
import type { Connection } from "./Connection.ts"
import type { OpenEffect, Opened, Opening } from "./Opened.ts"
import { settleEra } from "./SettleEra.ts"
import { type Command, spawnChild, stdioTransport } from "./transport/Stdio.node.ts"

/** A process, and how to have more of them. */
export const openStdio = (opening: Opening, command: Command): OpenEffect => {
  const started = (connection: Connection) =>
    Effect.map(spawnChild(opening.backend, command, opening.log), (child) =>
      connection.attach(stdioTransport(child, connection.receiver)))

  return Effect.map(settleEra(opening, started), (opened): Opened => ({
    ...opened,
    further: {
      tellsCalls: opened.handshake.era === "modern",
      isProcess: true,
      open: ({ capabilities, observer }) =>
        settleEra({ ...opening, capabilities, observer, remembered: opened.handshake.era }, started)
    }
  }))
}
