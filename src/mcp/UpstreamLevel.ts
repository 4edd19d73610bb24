/** A legacy backend has one log level for all of its clients: the most talkative that any of them asked for. */
import { ownCall } from "../backend/Handshake.ts"
import type { Served } from "../catalogue/Catalogue.ts"
import { LEVELS } from "./Levels.ts"

const nobody = { notify: () => {}, log: () => {}, done: () => {} }

export const quieten = (served: ReadonlyMap<string, Served>, levels: ReadonlyArray<string>): void => {
  const level = LEVELS.find((level) => levels.includes(level))
  if (level === undefined) return
  for (const { slot } of served.values()) {
    const opened = slot.current()?.opened()
    if (opened?.handshake.era !== "legacy" || opened.handshake.capabilities["logging"] === undefined) continue
    opened.connection.call(ownCall("logging/setLevel", `"level":"${level}"`), nobody)
  }
}
