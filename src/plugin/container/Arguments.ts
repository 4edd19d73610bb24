/** The command line of a container: made here and nowhere else, from the manifest and not from what an image says of itself. */
import type { Wanted } from "../Loader.ts"

export interface Run {
  /** By digest. */
  readonly image: string
  readonly network: "none" | "bridge" | "host"
  readonly user: string
  /** Arguments that mount volumes. */
  readonly mounts: ReadonlyArray<string>
  readonly wanted: Wanted
  /** What runs in place of what the image says, and where; its HOME is a folder that is mounted. */
  readonly program?: { readonly command: string; readonly args: ReadonlyArray<string>; readonly directory: string; readonly home: string }
}

/** Variables that would change what the engine's client does, instead of the container. */
export const OF_THE_CLIENT = /^(?:PATH|HOME|DOCKER_.*|CONTAINERS?_.*|BUILDAH_.*|XDG_.*)$/u

/** What a container gets at most where the manifest says nothing. */
const MEMORY = 512 * 1024 * 1024
const CPUS = 1
const PROCESSES = 256
const OPEN_FILES = 4096

/** The name of a container; each process has one of its own. */
export const NAME = "manifold-{instance}"

export const runArguments = ({ image, mounts, network, program, user, wanted: { environment, limits, port } }: Run): ReadonlyArray<string> => {
  const { cpu = CPUS, memory = MEMORY, openFiles = OPEN_FILES, processes = PROCESSES } = limits
  return [
    "run",
    "--interactive",
    "--init",
    "--rm",
    "--pull=never",
    ...["--name", NAME],
    "--read-only",
    ...["--tmpfs", "/tmp:rw,noexec,nosuid,nodev,size=64m,mode=1777"],
    ...["--cap-drop", "ALL"],
    ...["--security-opt", "no-new-privileges"],
    ...["--network", network],
    ...["--user", user],
    ...["--memory", `${memory}b`],
    ...["--memory-swap", `${memory}b`],
    ...["--cpus", String(cpu)],
    ...["--pids-limit", String(processes)],
    ...["--ulimit", `nofile=${openFiles}:${openFiles}`],
    ...["--log-driver", "none"],
    "--no-healthcheck",
    ...["--env", `HOME=${program?.home ?? "/tmp"}`],
    // Values stay out of the command line, which everybody on the machine can read.
    ...environment.flatMap((name) => ["--env", name]),
    ...(port === undefined ? [] : ["--env", "PORT"]),
    ...(port === undefined || network !== "bridge" ? [] : ["--publish", `127.0.0.1:${port}:${port}`]),
    ...mounts,
    ...(program === undefined ? [] : ["--workdir", program.directory, "--entrypoint", program.command]),
    image,
    ...(program?.args ?? [])
  ]
}

/** Whatever became of the client, the container goes, and its anonymous volumes with it. */
export const removeArguments: ReadonlyArray<string> = ["rm", "--force", "--volumes", NAME]
