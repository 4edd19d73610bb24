/** The command that sets limits and then becomes the program; and the one that tidies up after it. Everything is an argument, nothing is put into the script. */
import type { After } from "../transport/Children.ts"
import type { Limiting } from "./Limiting.ts"

export interface Program {
  readonly command: string
  readonly args: ReadonlyArray<string>
}

const ENTER = `set -e
while [ "$1" != -- ]; do
  case "$1" in
    make) mkdir "$2"; shift 2;;
    write) echo "$3" > "$2"; shift 3;;
    limit) ulimit "$2" "$3"; shift 3;;
  esac
done
shift
exec "$@"`

/** Whoever is still in a group is ended; one that is busy for a moment longer is tried again. */
const LEAVE = `for group; do
  for try in 1 2 3 4 5 6 7 8 9 10; do
    while read -r pid; do kill -9 "$pid"; done < "$group/cgroup.procs"
    rmdir "$group" && break
    sleep 0.1
  done
done 2>/dev/null`

const SHELL = "/bin/sh"

export const entering = ({ folders, shell, writes }: Limiting, { args, command }: Program): Program => ({
  command: SHELL,
  args: [
    "-c",
    ENTER,
    SHELL,
    ...folders.flatMap((folder) => ["make", folder]),
    ...writes.flatMap(([file, text]) => ["write", file, text]),
    ...shell.flatMap(([option, value]) => ["limit", option, value]),
    "--",
    command,
    ...args
  ]
})

/** Nothing where it was in no group. */
export const leaving = ({ folders }: Limiting): After | undefined =>
  folders.length === 0 ? undefined : { command: SHELL, args: ["-c", LEAVE, SHELL, ...folders], environment: { PATH: "/usr/bin:/bin" } }
