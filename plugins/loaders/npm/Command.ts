/**
 * Finds npm: the one that came with the Node in use, else the first on PATH.
 * npm's own script is run with the Node in use, whatever its first line asks for.
 */
import { Effect, FileSystem, Path } from "effect"
import { Loader, Plugin } from "#plugin"

export const npmCommand = Effect.fnUntraced(function*(source: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { environment, node } = yield* Plugin.Host
  const besideNode = path.join(path.dirname(node), "..", "lib", "node_modules", "npm", "bin", "npm-cli.js")
  const onPath = (environment["PATH"] ?? "").split(":").filter(path.isAbsolute).map((folder) => path.join(folder, "npm"))

  for (const candidate of [besideNode, ...onPath]) {
    const found = yield* files.realPath(candidate).pipe(Effect.option)
    if (found._tag === "None") continue
    return found.value.endsWith(".js") ? { command: node, args: [found.value] } : { command: found.value, args: [] }
  }
  return yield* new Loader.LoadFailed({
    source,
    step: "find npm",
    next: "install npm, or put it on PATH",
    cause: new Error(`not beside ${node} and not on PATH`)
  })
})
