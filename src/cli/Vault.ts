/** `manifold vault rotate|export|import`. */
import { Command } from "effect/cli"
import { exportVault, importVault } from "./VaultExport.ts"
import { rotate } from "./VaultRotate.ts"

export const vault = Command.make("vault").pipe(
  Command.withDescription("Look after the vault: change its key, carry what is in it elsewhere"),
  Command.withSubcommands([rotate, exportVault, importVault])
)
