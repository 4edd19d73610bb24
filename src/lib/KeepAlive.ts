/** Finds out that the other end of a WebSocket is gone: each ping has to be answered before the next one. */
interface Pinged {
  readonly on: (event: "pong", listener: () => void) => unknown
  readonly ping: () => void
  readonly terminate: () => void
}

/** Pings every so many milliseconds, until the function it gives is called. */
export const keepAlive = (socket: Pinged, millis: number): () => void => {
  let isAlive = true
  socket.on("pong", () => {
    isAlive = true
  })
  const timer = setInterval(() => {
    if (!isAlive) return socket.terminate()
    isAlive = false
    socket.ping()
  }, millis)
  timer.unref()
  return () => clearInterval(timer)
}
