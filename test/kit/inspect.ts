/** The heap of a gateway process, looked at through its inspector. */
import { MAIN } from "./main.ts"
import type { Started } from "./process.ts"

/** How a gateway is started to be looked into. */
export const INSPECTED = { command: ["node", "--inspect=127.0.0.1:0", MAIN] } as const

export interface Inspected {
  /** Bytes in use after a collection. */
  readonly heap: () => Promise<number>
  readonly close: () => void
}

export const inspect = async ({ stderr }: Started): Promise<Inspected> => {
  const address = /Debugger listening on (ws:\S+)/u.exec(stderr())?.[1]
  if (address === undefined) throw new Error("it was not started to be inspected")
  const socket = new WebSocket(address)
  await new Promise((opened) => socket.addEventListener("open", opened))
  const waiting = new Map<number, (result: Readonly<Record<string, unknown>>) => void>()
  let last = 0
  socket.addEventListener("message", ({ data }) => {
    const { id, result } = JSON.parse(String(data))
    waiting.get(id)?.(result)
    waiting.delete(id)
  })
  const ask = (method: string) =>
    new Promise<Readonly<Record<string, unknown>>>((answered) => {
      waiting.set(++last, answered)
      socket.send(JSON.stringify({ id: last, method }))
    })
  await ask("HeapProfiler.enable")
  return {
    heap: async () => {
      await ask("HeapProfiler.collectGarbage")
      const { backingStorageSize, usedSize } = await ask("Runtime.getHeapUsage")
      return Number(usedSize) + Number(backingStorageSize ?? 0)
    },
    close: () => socket.close()
  }
}
