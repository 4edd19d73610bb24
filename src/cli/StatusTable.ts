/** The status of a gateway as a person reads it: one row per server, and below it why and what next. */
import type { GatewayStatus, ServerStatus } from "../reconcile/Status.ts"
import { ago, columns, counted, wrapped } from "./Layout.ts"
import { printable } from "../lib/Printable.ts"

export interface Reader {
  /** Milliseconds since 1970. */
  readonly now: number
  readonly width: number
}

/** Whether calls get to it, be it to one replica alone, or when it has been started for them. */
const getsThrough = ({ asleep, phase, replicas = [] }: ServerStatus["actual"]): boolean =>
  phase === "ready" || asleep === true || replicas.some((one) => one.phase === "ready")

/** What is wanted serves: the newest form of the server, ready. */
export const serves = ({ actual, consents, wanted }: ServerStatus): boolean =>
  (actual.phase === "ready" || actual.asleep === true || (actual.phase === "idle" && consents !== undefined)) && wanted.problem === undefined

/** Whether everything that is wanted serves, the newest manifest and its plugins included. */
export const allServe = ({ audit, manifest, plugins, servers }: GatewayStatus): boolean =>
  manifest.state === "applied" && audit?.state !== "failing" && plugins.length === 0 && servers.every(serves)

export const sayStatus = (url: string, status: GatewayStatus, reader: Reader): string => {
  const { audit, generation, manifest, plugins, servers } = status
  const serving = servers.filter(serves).length
  const rows = columns([HEAD, ...servers.map((server) => rowOf(server, reader.now))])
  const table = servers.flatMap((server, index) => [rows[index + 1] ?? "", ...detailsOf(server, reader.width)])
  return [
    `${url}: generation ${generation}, ${serving} of ${counted(servers.length, "server")} as wanted`,
    ...(manifest.state === "rejected"
      ? [
        `The newest manifest is not in force (refused ${ago(manifest.since, reader.now)}), the last good one is:`,
        ...manifest.problems.flatMap((problem) => wrapped("  ", problem, reader.width))
      ]
      : []),
    ...plugins.flatMap((problem) => wrapped("plugin  ", problem, reader.width)),
    ...(audit?.state === "failing" ? wrapped("audit  ", `records cannot be written (began ${ago(audit.since, reader.now)}): ${audit.why ?? "unknown"}`, reader.width) : []),
    "",
    ...(servers.length === 0 ? ["The manifest names no server that is enabled."] : [rows[0] ?? "", ...table])
  ].join("\n")
}

const HEAD = ["SERVER", "STATE", "SINCE", "RESTARTS", "PROTOCOL", "OFFERS"]

const rowOf = ({ actual, id, offers }: ServerStatus, now: number): ReadonlyArray<string> => [
  printable(id),
  actual.phase,
  ago(actual.since, now),
  String(actual.restarts),
  printable(actual.protocol ?? "-"),
  sayOffers(offers)
]

const sayOffers = ({ prompts, resources, templates, tools }: ServerStatus["offers"]): string => {
  const parts = [[tools, "tool"], [prompts, "prompt"], [resources, "resource"], [templates, "template"]] as const
  return parts.filter(([count]) => count > 0).map(([count, noun]) => counted(count, noun)).join(", ") || "-"
}

const detailsOf = ({ actual, consents, excluded, next, required, runs, wanted }: ServerStatus, width: number): ReadonlyArray<string> => {
  const line = (label: string, text: string | undefined) =>
    text === undefined ? [] : wrapped(`    ${label.padEnd(10)}`, text, width)
  const old = actual.generation !== undefined && wanted.problem !== undefined
  return [
    ...line("wanted", wanted.problem === undefined
      ? undefined
      : `generation ${wanted.generation} does not serve${old ? `, generation ${actual.generation} does` : ""}: ${wanted.problem}`),
    ...line("why", actual.why === wanted.problem ? undefined : actual.why),
    ...line("next", next),
    ...(actual.replicas ?? []).flatMap(({ phase, restarts, why }, index) => line("replica", `${index + 1}: ${phase}, ${counted(restarts, "restart")}${why === undefined ? "" : `: ${why}`}`)),
    ...line("sandbox", runs?.sandbox),
    ...line("runs", runs?.detected === undefined ? undefined : `${runs.source}: ${runs.detected}`),
    ...(consents ?? []).flatMap(({ issuer, subject, url }) => line("consent", `${subject} (${issuer}) has been asked: ${url}`)),
    ...(required && !getsThrough(actual) && consents === undefined ? line("note", "it is required: the gateway is not ready without it") : []),
    ...excluded.flatMap(({ kind, name, why }) => line("left out", `${kind} ${name} ${why}`))
  ]
}
