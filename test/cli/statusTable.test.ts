import { assert, describe, it } from "@effect/vitest"
import { allServe, sayStatus } from "../../src/cli/StatusTable.ts"
import type { GatewayStatus, ServerStatus } from "../../src/reconcile/Status.ts"

const since = "2026-11-21T11:58:00.000Z"
const reader = { now: Date.parse("2026-11-21T12:00:00Z"), width: 80 }

const good: ServerStatus = {
  id: "files",
  type: "npm",
  required: true,
  wanted: { generation: 3 },
  actual: { phase: "ready", generation: 2, since, restarts: 1, era: "legacy", protocol: "2025-11-25" },
  offers: { tools: 1, prompts: 0, resources: 2, templates: 0 },
  excluded: []
}

const gatewayOf = (...servers: ReadonlyArray<ServerStatus>): GatewayStatus => ({
  generation: 3,
  manifest: { state: "applied", since, problems: [] },
  plugins: [],
  servers
})

const say = (status: GatewayStatus) => sayStatus("http://gw", status, reader)

describe("the status of a gateway", () => {
  it("is one row per server", () => {
    assert.strictEqual(say(gatewayOf(good)), [
      "http://gw: generation 3, 1 of 1 server as wanted",
      "",
      "SERVER  STATE  SINCE   RESTARTS  PROTOCOL    OFFERS",
      "files   ready  2m ago  1         2025-11-25  1 tool, 2 resources"
    ].join("\n"))
    assert.isTrue(allServe(gatewayOf(good)))
  })

  it("says of a server whose users consent one by one who has been asked, and does not take it for broken", () => {
    const actual = { phase: "idle" as const, since, restarts: 0 }
    const consents = [{ issuer: "https://id.example.com", subject: "ada", url: "https://gw/oauth/connect?ticket=t", until: since }]
    const said = say(gatewayOf({ ...good, actual, consents }))
    assert.include(said, "consent   ada (https://id.example.com) has been asked:")
    assert.include(said, "https://gw/oauth/connect?ticket=t")
    assert.isTrue(allServe(gatewayOf({ ...good, actual, consents })))
    assert.isFalse(allServe(gatewayOf({ ...good, actual })))
  })

  it("says of one that sleeps that nobody misses it, and of replicas how each is, where not all of them serve", () => {
    const idle = { phase: "idle" as const, since, restarts: 0, why: "nobody has used it for 10m", asleep: true as const }
    const sleeping = gatewayOf({ ...good, actual: idle, next: "started again by the first call" })
    assert.isTrue(allServe(sleeping))
    assert.include(say(sleeping), "    why       nobody has used it for 10m\n    next      started again by the first call")
    assert.notInclude(say(sleeping), "it is required")

    const one = { phase: "ready" as const, since, restarts: 0 }
    const replicas = [one, { phase: "degraded" as const, since, restarts: 2, why: "ended by SIGKILL" }]
    const some = gatewayOf({ ...good, actual: { phase: "degraded", since, restarts: 2, replicas } })
    assert.isFalse(allServe(some))
    assert.include(say(some), "    replica   1: ready, 0 restarts\n    replica   2: degraded, 2 restarts: ended by SIGKILL")
    assert.notInclude(say(some), "it is required")
    assert.include(say(gatewayOf({ ...good, actual: { phase: "degraded", since, restarts: 2, replicas: replicas.slice(1) } })), "it is required")
  })

  it("says how code is run and why, where that had to be found out, and nothing of the rest", () => {
    const source = "git https://git.example.com/a.git@0123"
    const said = say(gatewayOf({ ...good, runs: { source, detected: "server.mjs (a usual name), run by Node.js" } }))
    assert.include(said.replaceAll(/\s+/gu, " "), `runs ${source}: server.mjs (a usual name), run by Node.js`)
    assert.notInclude(say(gatewayOf({ ...good, runs: { source } })), "runs")
  })

  it("says why a server does not serve and what comes next, within 80 columns", () => {
    const why = `Could not start "/does/not/exist": ${"spawn ENOENT ".repeat(12)}`
    const actual = { phase: "degraded" as const, since, restarts: 4, why }
    const status = gatewayOf({ ...good, actual, next: "tried again in 8s", offers: { tools: 0, prompts: 0, resources: 0, templates: 0 } })
    const said = say(status)
    assert.isFalse(allServe(status))
    assert.isAtMost(Math.max(...said.split("\n").map((line) => line.length)), 80)
    assert.include(said, "    why       Could not start")
    assert.include(said, "\n    next      tried again in 8s")
    assert.include(said, "    note      it is required")
    assert.match(said, /^files {3}degraded {2}2m ago {2}4 {9}- {9}-$/mu)
  })

  it("says that the old form serves while the new one does not, and does not count it as wanted", () => {
    const problem = "its new form is starting"
    const status = gatewayOf({ ...good, wanted: { generation: 3, problem } })
    assert.include(sayStatus("http://gw", status, { ...reader, width: 120 }), "    wanted    generation 3 does not serve, generation 2 does: its new form is starting")
    assert.include(say(status), "0 of 1 server as wanted")
    assert.isFalse(allServe(status))
  })

  it("says once what is both the wanted problem and the reason", () => {
    const problem = "there is no loader \"nmp\""
    const status = gatewayOf({ ...good, wanted: { generation: 3, problem }, actual: { phase: "failed", since, restarts: 0, why: problem } })
    assert.strictEqual(say(status).split(problem).length, 2)
  })

  it("says what stays out of the catalogue and why", () => {
    const status = gatewayOf({ ...good, excluded: [{ kind: "tool", name: "run\u001b[2J", why: "has hidden text" }] })
    assert.include(say(status), "    left out  tool run[2J has hidden text")
  })

  it("says that the newest manifest or a plugin is not in force, which is not all serving", () => {
    const rejected: GatewayStatus = { ...gatewayOf(good), manifest: { state: "rejected", since, problems: ["a.yaml:3:1: wrong"] } }
    const refused: GatewayStatus = { ...gatewayOf(good), plugins: ["./s3.mjs: no such file"] }
    assert.include(say(rejected), "The newest manifest is not in force (refused 2m ago), the last good one is:\n  a.yaml:3:1: wrong\n")
    assert.include(say(refused), "plugin  ./s3.mjs: no such file")
    assert.deepStrictEqual([allServe(rejected), allServe(refused)], [false, false])
  })

  it("of no servers says so and counts as all serving", () => {
    assert.include(say(gatewayOf()), "The manifest names no server that is enabled.")
    assert.isTrue(allServe(gatewayOf()))
  })
})
