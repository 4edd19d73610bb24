/** One client on standard input and output: a message a line. The end of the input is the end of the client. */
import type { Readable, Writable } from "node:stream"
import { Deferred, Effect, Exit } from "effect"
import { lineReader } from "../lib/LineReader.ts"
import { openChannel } from "./Channel.ts"
import { joined } from "./Exchange.ts"
import { LOCAL } from "../guard/Authentication.ts"
import type { McpServices } from "./McpServices.ts"
import { oneLineOf } from "./OneLine.ts"

/** Longest message in bytes. */
const LINE = 4 * 1024 * 1024

export interface Streams {
  readonly input: Readable
  readonly output: Writable
}

/** Serves until the input ends or nobody reads the output; then every request in flight is stopped. */
export const serveStdio = Effect.fn("Stdio.serve")(function*({ input, output }: Streams) {
  const context = yield* Effect.context<McpServices>()
  const over = yield* Deferred.make<void>()
  const ended = () => Deferred.doneUnsafe(over, Exit.void)
  const client = openChannel(context, LOCAL, {
    write: (message) => output.write(joined([...message.map(oneLineOf), "\n"])),
    waiting: () => output.writableLength,
    close: ended
  })

  input.on("data", lineReader(LINE, client.receive, () => {
    client.refuse(`A message of more than ${LINE} bytes; nothing is read after it`)
    ended()
  }))
  input.once("end", ended)
  input.once("error", ended)
  output.on("error", ended)
  yield* Deferred.await(over).pipe(Effect.ensuring(Effect.sync(() => {
    client.end()
    input.destroy()
  })))
})
