/** The entry on Node: gives the command line its plugins and its platform. */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { Command } from "effect/cli"
import { builtIn } from "../plugins/node.ts"
import { BuiltIn } from "./cli/BuiltIn.ts"
import { manifold } from "./cli/Manifold.ts"
import { VERSION } from "./lib/Version.ts"

manifold.pipe(
  Command.run({ version: VERSION }),
  Effect.provide(Layer.mergeAll(NodeServices.layer, Layer.succeed(BuiltIn, builtIn))),
  NodeRuntime.runMain
)
