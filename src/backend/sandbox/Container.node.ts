/**
 * A packaged server in a container: the image brings the system, and the server's code, its program's installation
 * and its private folder are seen where they are on this machine.
 */
import { Effect } from "effect"
import { OF_THE_CLIENT, removeArguments, runArguments } from "../../plugin/container/Arguments.ts"
import { type Engine, present } from "../../plugin/container/Engine.ts"
import { type Mount, mountArguments } from "../../plugin/container/Places.ts"
import { Host } from "../../plugin/Host.ts"
import type { Limits } from "../../plugin/Loader.ts"
import type { Sandbox } from "../../manifest/Sandbox.ts"
import type { Command } from "../transport/Stdio.node.ts"
import { Lacking } from "./Sandbox.ts"
import { installations, isWithin } from "./Seen.node.ts"

export interface Contained {
  readonly source: string
  readonly sandbox: Sandbox
  readonly limits: Limits
  readonly mounts: ReadonlyArray<Mount>
  readonly hasNetwork: boolean
  readonly port: number | undefined
}

/** What the engine's client is given for itself, and not for the container. */
const HOMES = new Set(["HOME", "PATH"])

export const contained = Effect.fnUntraced(function*(command: Command, { hasNetwork, limits, mounts, port, sandbox, source }: Contained) {
  const { directory, engine: environment, workspace } = yield* Host
  const { engine: client = "docker", image = "" } = sandbox
  const engine: Engine = { command: client, source }
  const names = Object.keys(command.environment).filter((name) => !HOMES.has(name))
  const misread = names.find((name) => OF_THE_CLIENT.test(name))
  if (misread !== undefined) return yield* new Lacking({ why: `its environment has ${misread}, which the client of ${client} would follow`, next: "leave it out, or write sandbox: process" })
  yield* present(engine, image)
  const program = installations(command.command, { PATH: "" }, [workspace])
  const seen = [...mounts, ...program.map((from) => ({ from, to: from, isWritable: false }))]
  const [user, group] = [process.getuid?.() ?? 65532, process.getgid?.() ?? 65532]
  if (command.directory !== directory && !seen.some(({ to }) => isWithin(command.directory, to))) {
    return yield* new Lacking({ why: `its working directory ${command.directory} is not seen in its container`, next: "name it in sandbox.folders" })
  }
  const args = runArguments({
    image,
    network: hasNetwork ? "bridge" : "none",
    user: `${user}:${group}`,
    mounts: mountArguments(seen),
    wanted: { environment: names, limits, ...(port === undefined ? {} : { port }) },
    program: { command: command.command, args: command.args, directory: command.directory, home: command.environment["HOME"] ?? "/tmp" }
  })
  return {
    command: {
      ...command,
      command: client,
      args,
      environment: { ...command.environment, ...environment, HOME: workspace },
      after: [...(command.after ?? []), { command: client, args: removeArguments, environment: { ...environment, HOME: workspace } }]
    },
    inForce: `a container of ${client}: ${image}, ${hasNetwork ? "network bridge" : "no network"}, user ${user}, read-only system`
  }
})

