/** How a sandbox is made: its command line, the means by which limits hold, and where control groups can be made. */
import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as fc from "fast-check"
import { bubblewrap, type Walls } from "../../src/backend/sandbox/Bubblewrap.ts"
import { entering, leaving } from "../../src/backend/sandbox/Entering.ts"
import { groupsOf, hierarchiesIn } from "../../src/backend/sandbox/Groups.node.ts"
import { limiting, type Means } from "../../src/backend/sandbox/Limiting.ts"
import { Lacking } from "../../src/backend/sandbox/Sandbox.ts"
import { temporaryDirectory } from "../kit/gateway.ts"

const v1: Means = { groups: { version: 1, folders: { memory: "/m", cpu: "/c", pids: "/p" } }, countsProcesses: true }
const v2: Means = { groups: { version: 2, folders: { memory: "/g", cpu: "/g", pids: "/g" } }, countsProcesses: true }
const nothing: Means = { groups: undefined, countsProcesses: true }

const kept = (...args: Parameters<typeof limiting>) => {
  const made = limiting(...args)
  if (made instanceof Lacking) throw made
  return made
}

const all = { memory: 64 * 1024 * 1024, cpu: 0.5, processes: 10, openFiles: 100 }

describe("a limit", () => {
  it("is one of a control group of version 1, each controller in its own folder", () => {
    const { folders, inForce, writes } = kept(all, false, v1)
    assert.deepStrictEqual(folders, ["/m/manifold-{instance}", "/c/manifold-{instance}", "/p/manifold-{instance}"])
    assert.deepStrictEqual(writes.slice(0, 4), [
      ["/m/manifold-{instance}/memory.limit_in_bytes", "67108864"],
      ["/c/manifold-{instance}/cpu.cfs_period_us", "100000"],
      ["/c/manifold-{instance}/cpu.cfs_quota_us", "50000"],
      ["/p/manifold-{instance}/pids.max", "10"]
    ])
    assert.isTrue(writes.slice(4).every(([file, text]) => file.endsWith("/cgroup.procs") && text === "0"), "it enters when all is said")
    assert.deepStrictEqual(inForce, ["memory 64 MiB (cgroup v1)", "0.5 processors (cgroup v1)", "10 processes (cgroup v1)", "100 open files"])
  })

  it("is one of a single group of version 2 where there is that", () => {
    const { folders, writes } = kept(all, true, v2)
    assert.deepStrictEqual(folders, ["/g/manifold-{instance}"])
    assert.deepStrictEqual(writes.map(([file, text]) => [file.split("/").at(-1), text]), [["memory.max", "67108864"], ["cpu.max", "50000 100000"], ["pids.max", "10"], ["cgroup.procs", "0"]])
  })

  it("is one of the process itself without a group, as far as that goes, and an error beyond it", () => {
    const { folders, inForce, processes, shell } = kept({ memory: 64 * 1024 * 1024, processes: 10 }, true, nothing)
    assert.deepStrictEqual([folders, processes], [[], 10])
    assert.deepInclude(shell, ["-d", "65536"])
    assert.include(inForce.join(), "memory 64 MiB of data for each process (rlimit),10 processes (rlimit)")
    assert.instanceOf(limiting({ cpu: 1 }, true, nothing), Lacking)
    assert.instanceOf(limiting({ processes: 10 }, false, nothing), Lacking, "its user is the gateway's own")
    assert.instanceOf(limiting({ processes: 10 }, true, { ...nothing, countsProcesses: false }), Lacking, "nobody limits root")
  })

  it("is usual in a sandbox, left out there where the machine lacks it, and nowhere else", () => {
    assert.deepStrictEqual(kept({}, true, v1).inForce.map((text) => text.replace(" (cgroup v1)", "")), ["memory 512 MiB", "1 processor", "256 processes", "4096 open files"])
    assert.deepStrictEqual(kept({}, true, { ...nothing, countsProcesses: false }).inForce, ["4096 open files"])
    assert.deepStrictEqual(kept({}, false, v1).inForce, [])
  })
})

describe("the groups of this process", () => {
  const cgroup = "5:pids:/a\n4:memory:/docker/abc\n3:cpu,cpuacct:/x\n1:name=systemd:/\n0::/unified\n"

  it("lie below its own, in a container below what is mounted of it", () => {
    const mountinfo = [
      "30 20 0:1 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids",
      "31 20 0:2 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory",
      "32 20 0:3 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
      "33 20 0:4 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
      "34 20 0:5 / /home rw - ext4 /dev/x rw"
    ].join("\n")
    assert.deepStrictEqual(hierarchiesIn({ cgroup, mountinfo }).map(({ own }) => own), ["/sys/fs/cgroup/pids/a", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu,cpuacct/x", "/sys/fs/cgroup/unified/unified"])
  })

  it("are those of version 2 where that has the controllers, handed out below the group the gateway moved out of", () => {
    const folder = temporaryDirectory()
    const own = join(folder, "unified")
    mkdirSync(own)
    writeFileSync(join(own, "cgroup.controllers"), "cpu memory pids io\n")
    writeFileSync(join(own, "cgroup.procs"), `${process.pid}\n`)
    const mountinfo = `33 20 0:4 / ${folder} rw - cgroup2 cgroup2 rw`
    assert.deepStrictEqual(groupsOf({ cgroup, mountinfo }), { version: 2, folders: { memory: own, cpu: own, pids: own } })
    assert.strictEqual(readFileSync(join(own, "cgroup.subtree_control"), "utf8"), "+memory +cpu +pids")
    assert.strictEqual(readFileSync(join(own, "manifold-gateway", "cgroup.procs"), "utf8"), String(process.pid))
    writeFileSync(join(own, "cgroup.procs"), `${process.pid}\n12345\n`)
    assert.isUndefined(groupsOf({ cgroup, mountinfo }), "others are in it")
    rmSync(folder, { recursive: true })
  })

  it("are none where nothing may be made", () => assert.isUndefined(groupsOf({ cgroup, mountinfo: "30 20 0:1 / /nowhere rw - cgroup cgroup rw,memory" })))
})

describe("the command that sets limits", () => {
  it("passes every argument on as it is, and reads none as its own", () => {
    const limits = kept({ openFiles: 50 }, false, nothing)
    const text = fc.oneof(fc.string(), fc.constantFrom("--", "make", "$(id)", "; id", "*", "'", "-c")).filter((each) => !each.includes("\0"))
    fc.assert(fc.property(fc.array(text, { maxLength: 6 }), (args) => {
      const program = entering(limits, { command: process.execPath, args: ["-p", "JSON.stringify(process.argv.slice(1))", "--", ...args] })
      assert.deepStrictEqual(JSON.parse(execFileSync(program.command, [...program.args], { encoding: "utf8" })), args)
    }), { numRuns: 20 })
  })

  it("sets them before the program runs, and does not run it where one cannot be set", () => {
    const limits = kept({ openFiles: 50 }, false, nothing)
    const { args, command } = entering(limits, { command: "/bin/sh", args: ["-c", "ulimit -n; ulimit -c"] })
    assert.strictEqual(execFileSync(command, [...args], { encoding: "utf8" }), "50\n0\n")
    const broken = entering({ ...limits, folders: ["/nowhere/group"] }, { command: "echo", args: ["ran"] })
    assert.throws(() => execFileSync(broken.command, [...broken.args], { stdio: "pipe" }), /\/nowhere\/group/u)
  })

  it("has nothing after it without a group", () => assert.isUndefined(leaving(kept({ openFiles: 50 }, false, nothing))))
})

describe("the command line of bubblewrap", () => {
  const walls: Walls = {
    system: [{ at: "/usr" }, { at: "/lib", to: "usr/lib" }],
    configuration: ["/etc/ssl/certs"],
    users: { passwd: "/p", group: "/g" },
    mounts: [
      { from: "/srv/data/home", to: "/srv/data/home", isWritable: true },
      { from: "/srv", to: "/srv", isWritable: false },
      { from: "/srv/data/code", to: "/srv/data/code", isWritable: false }
    ],
    hidden: ["/srv/data"],
    hasNetwork: false,
    scratch: 1024,
    directory: "/srv"
  }

  it("has what lies in something else after it, and what is hidden between them", () => {
    const { args } = bubblewrap(walls, { command: "node", args: ["s.mjs"] })
    const at = (...part: ReadonlyArray<string>) => args.join(" ").indexOf(part.join(" "))
    const order = [at("--ro-bind", "/srv", "/srv"), at("--tmpfs", "/srv/data"), at("--bind", "/srv/data/home", "/srv/data/home"), at("--remount-ro", "/"), at("--", "node", "s.mjs")]
    assert.deepStrictEqual(order, order.toSorted((a, b) => a - b))
    assert.isAbove(order[0] ?? -1, 0)
    assert.isAbove(at("--ro-bind", "/srv/data/code", "/srv/data/code"), order[1] ?? 0)
  })

  it("shares the network only where it is allowed, and never a user's namespaces", () => {
    assert.notInclude(bubblewrap(walls, { command: "node", args: [] }).args, "--share-net")
    const open = bubblewrap({ ...walls, hasNetwork: true, processes: 7 }, { command: "node", args: [] }).args
    assert.includeMembers([...open], ["--share-net", "--unshare-all", "--disable-userns", "--die-with-parent", "--nproc=7"])
  })
})
