/** The command line: one verb per file. */
import { Command } from "effect/cli"
import { access } from "./Access.ts"
import { audit } from "./Audit.ts"
import { cache } from "./Cache.ts"
import { check } from "./Check.ts"
import { keys } from "./Keys.ts"
import { lock } from "./Lock.ts"
import { outdated } from "./Outdated.ts"
import { plan } from "./Plan.ts"
import { schema } from "./Schema.ts"
import { secrets } from "./Secrets.ts"
import { serve } from "./Serve.ts"
import { status } from "./Status.ts"
import { tools } from "./Tools.ts"
import { users } from "./Users.ts"
import { vault } from "./Vault.ts"

export const manifold = Command.make("manifold").pipe(
  Command.withDescription("An MCP gateway: one manifest, many servers, one endpoint for every protocol era"),
  Command.withSubcommands([serve, check, plan, lock, outdated, cache, status, tools, secrets, keys, users, access, audit, vault, schema]),
  Command.withExamples([
    { command: "manifold check manifold.yaml", description: "Find every mistake in a manifest" },
    { command: "manifold serve --manifest manifold.yaml", description: "Run what it describes, and follow its changes" },
    { command: "manifold status", description: "See how the servers are" },
    { command: "manifold tools call files__read_text_file '{\"path\": \"notes.txt\"}'", description: "Call a tool" }
  ])
)
