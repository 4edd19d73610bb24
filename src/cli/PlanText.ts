/** A plan as a person reads it: one line per server, then the settings, then the sums. */
import { columns, counted } from "./Layout.ts"
import { printable } from "../lib/Printable.ts"
import type { Plan, PlannedServer } from "./Planned.ts"

const MARKS = { add: "+", replace: "~", update: ".", remove: "-", keep: "=" } as const

export const sayPlan = ({ servers, settings }: Plan): string => {
  const lines = columns(servers.map((server) => [`  ${MARKS[server.action]} ${server.action}`, printable(server.id), whyOf(server)]))
  const others = columns(settings.map(({ effect, path }) => [`  * ${path}`, effect === "at the next start" ? "in force at the next start of the gateway" : effect]))
  return [...lines, ...others, "", sums(servers)].join("\n")
}

const whyOf = ({ action, why }: PlannedServer): string => {
  if (action === "add") return "not running yet"
  if (action === "remove") return why[0] === "enabled" ? "no longer enabled" : "no longer in the manifest"
  if (action === "keep") return ""
  return `${why.join(", ")} ${why.length === 1 ? "differs" : "differ"}${action === "update" ? ", in place" : ""}`
}

const sums = (servers: ReadonlyArray<PlannedServer>): string => {
  if (servers.length === 0) return "There is no server to run."
  const count = (wanted: PlannedServer["action"]) => servers.filter(({ action }) => action === wanted).length
  const parts = [
    [count("add"), "to add"],
    [count("replace"), "to replace"],
    [count("update"), "to update in place"],
    [count("remove"), "to remove"],
    [count("keep"), "kept"]
  ] as const
  return `${counted(servers.length, "server")}: ${parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`).join(", ")}.`
}
