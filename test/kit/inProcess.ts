/** Commands as a shell would see them, without a process: exit code, standard output, standard error. */
import { Console, Effect, Runtime } from "effect"
import { Command } from "effect/cli"

export const inProcess = <Name extends string, Input, Context, E, R>(manifold: Command.Command<Name, Input, Context, E, R>) =>
  Effect.fnUntraced(function*(...args: ReadonlyArray<string>) {
    const out: Array<string> = []
    const err: Array<string> = []
    const console: Console.Console = {
      ...globalThis.console,
      log: (text: string) => void out.push(text),
      error: (text: string) => void err.push(text)
    }
    const code = yield* Command.runWith(manifold, { version: "test" })(args).pipe(
      Effect.match({ onFailure: Runtime.getErrorExitCode, onSuccess: () => 0 }),
      Effect.provideService(Console.Console, console)
    )
    return { code, out: out.join("\n"), err: err.join("\n") }
  })
