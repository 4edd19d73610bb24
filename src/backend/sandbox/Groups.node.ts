/**
 * Where this process may make control groups (cgroups(7)): below its own, in the hierarchy of version 2 where that
 * has the controllers, else in those of version 1.
 */
import { accessSync, constants, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Controller, Groups } from "./Limiting.ts"

const CONTROLLERS: ReadonlyArray<Controller> = ["memory", "cpu", "pids"]

/** What /proc/self/cgroup and /proc/self/mountinfo say. */
export interface Seen {
  readonly cgroup: string
  readonly mountinfo: string
}

interface Hierarchy {
  readonly type: "cgroup" | "cgroup2"
  readonly controllers: ReadonlyArray<string>
  /** The folder of this process's own group. */
  readonly own: string
}

/** The hierarchies that are mounted here, each with the folder of this process's group. */
export const hierarchiesIn = ({ cgroup, mountinfo }: Seen): ReadonlyArray<Hierarchy> => {
  const groups = cgroup.split("\n").flatMap((line) => {
    const [, names = "", path] = /^\d+:([^:]*):(\/.*)$/u.exec(line) ?? []
    return path === undefined ? [] : [{ names: names.split(",").filter((name) => name !== ""), path }]
  })
  return mountinfo.split("\n").flatMap((line): ReadonlyArray<Hierarchy> => {
    const [before = "", after = ""] = line.split(" - ")
    const [, , , root = "/", point] = before.split(" ")
    const [type, , options = ""] = after.split(" ")
    if (point === undefined || (type !== "cgroup" && type !== "cgroup2")) return []
    const controllers = type === "cgroup2" ? [] : options.split(",")
    const group = groups.find(({ names }) => type === "cgroup2" ? names.length === 0 : names.some((name) => controllers.includes(name)))
    if (group === undefined) return []
    // In a container the mount may begin at its own group.
    const isBelow = root === "/" || group.path === root || group.path.startsWith(`${root}/`)
    return [{ type, controllers, own: join(point, isBelow ? group.path.slice(root === "/" ? 0 : root.length) : "/") }]
  })
}

export const groupsOf = (seen: Seen): Groups | undefined => {
  const hierarchies = hierarchiesIn(seen)
  const unified = hierarchies.find(({ type }) => type === "cgroup2")
  if (unified !== undefined && controllersOf(unified.own).includes("memory")) return delegated(unified.own)
  const folders: Partial<Record<Controller, string>> = {}
  for (const controller of CONTROLLERS) {
    const found = hierarchies.find(({ controllers }) => controllers.includes(controller))
    if (found !== undefined && canMakeIn(found.own)) folders[controller] = found.own
  }
  return Object.keys(folders).length === 0 ? undefined : { version: 1, folders }
}

const read = (file: string): string => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return ""
  }
}

const controllersOf = (folder: string) => read(join(folder, "cgroup.controllers")).trim().split(" ")

const canMakeIn = (folder: string): boolean => {
  const probe = join(folder, `manifold-probe-${process.pid}`)
  try {
    accessSync(folder, constants.W_OK)
    mkdirSync(probe)
    rmdirSync(probe)
    return true
  } catch {
    return false
  }
}

/**
 * A group of version 2 either holds processes or hands out controllers: ours moves one below, with the first process
 * of a container. A group that others are in is not ours to arrange.
 */
const delegated = (own: string): Groups | undefined => {
  if (!canMakeIn(own)) return undefined
  try {
    const wanted = CONTROLLERS.filter((controller) => controllersOf(own).includes(controller))
    const members = read(join(own, "cgroup.procs")).split("\n").filter((pid) => pid !== "")
    if (members.some((pid) => pid !== "1" && pid !== String(process.pid))) return undefined
    if (members.length > 0) {
      const below = join(own, "manifold-gateway")
      mkdirSync(below, { recursive: true })
      for (const pid of members) writeFileSync(join(below, "cgroup.procs"), pid)
    }
    writeFileSync(join(own, "cgroup.subtree_control"), wanted.map((controller) => `+${controller}`).join(" "))
    return { version: 2, folders: Object.fromEntries(wanted.map((controller) => [controller, own])) }
  } catch {
    return undefined
  }
}

export const groupsHere = (): Groups | undefined =>
  groupsOf({ cgroup: read("/proc/self/cgroup"), mountinfo: read("/proc/self/mountinfo") })
