/** The entry on Node: gives the command line its plugins and its platform. */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Cause, Effect, Exit, Layer, Runtime } from "effect"
import { Command } from "effect/cli"
import { builtIn } from "../plugins/node.ts"
import { BuiltIn } from "./cli/BuiltIn.ts"
import { manifold } from "./cli/Manifold.ts"
import { VERSION } from "./lib/Version.ts"
import { secretLookup } from "./vault/SecretLookup.node.ts"

let signals = 0
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  // The first one stops in good order; whoever sends a second one does not want to wait.
  process.on(signal, () => ++signals > 1 && process.exit(130))
}

for (const stream of [process.stdout, process.stderr]) {
  // Whoever read the output or the logs may go; the calls of others are not the worse for it.
  stream.on("error", () => {})
}

/** To stop `serve` by a signal is to end it well: exit code 0. Other verbs were cut short: 130. */
const teardown: Runtime.Teardown = (exit, onExit) =>
  process.argv[2] === "serve" && Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
    ? onExit(0)
    : Runtime.defaultTeardown(exit, onExit)

manifold.pipe(
  Command.run({ version: VERSION }),
  Effect.provide(Layer.mergeAll(NodeServices.layer, Layer.succeed(BuiltIn, builtIn), secretLookup)),
  NodeRuntime.runMain({ teardown })
)
