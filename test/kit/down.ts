/** Waiting for servers that do not serve, and what the gateway says of them. */
import { type ServerStatus, statusOf, until } from "./calls.ts"

export interface Down extends ServerStatus {
  readonly next?: string
}

/** Waits until each of these servers is in trouble, and gives what its status is then, in their order. */
export const down = async (url: string, ...ids: ReadonlyArray<string>): Promise<ReadonlyArray<Down>> => {
  const { servers } = await until(() => statusOf(url), ({ servers }) =>
    ids.every((id) => servers.some(({ actual, id: own }) => own === id && (actual.phase === "degraded" || actual.phase === "failed"))))
  return ids.flatMap((id) => servers.filter((server) => server.id === id))
}
