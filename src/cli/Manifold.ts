/** The command line: one verb per file. */
import { Command } from "effect/cli"
import { check } from "./Check.ts"
import { schema } from "./Schema.ts"
import { serve } from "./Serve.ts"

export const manifold = Command.make("manifold").pipe(
  Command.withDescription("An MCP gateway: one manifest, many servers, one endpoint for every protocol era"),
  Command.withSubcommands([serve, check, schema])
)
