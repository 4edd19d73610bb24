import { assert, describe, it } from "@effect/vitest"
import { seenBy } from "../../src/catalogue/Seen.ts"
import { accessOf } from "../../src/guard/Access.ts"
import { members } from "../../src/lib/Json.ts"
import type { RuleEntry } from "../../src/manifest/AccessRules.ts"
import { decided, refusalOf } from "../../src/router/Deciding.ts"
import type { Request } from "../../src/router/Request.ts"
import { targetOf, taskTarget, UnknownName } from "../../src/router/Target.ts"
import { partWith } from "../kit/definitions.ts"

const ada = { issuer: "i", subject: "ada" }

const part = partWith("files", {
  tools: ["read", "write"],
  prompts: ["ask", "tell"],
  resources: ["file:///pub/a", "file:///priv/a"],
  templates: ["file:///{path}"]
})

/** What becomes of one request under these rules: what it is answered with, if it is refused. */
const answerTo = (rules: ReadonlyArray<Omit<RuleEntry, "roles" | "servers">>, method: string, params: object) => {
  const access = accessOf({ access: { roles: [], rules: rules.map((rule) => ({ roles: ["*"], servers: ["files"], ...rule })) }, servers: [{ id: "files" }] })
  assert(access !== undefined)
  const snapshot = seenBy()({ access, parts: [part], rules: { separator: "__", longest: 64 }, known: ["files"] })(undefined, ada)
  const text = JSON.stringify(params)
  const request: Request = { method, text, params: members(text) ?? [], meta: "", progressToken: undefined }
  const target = snapshot === undefined
    ? undefined
    : method.startsWith("tasks/") ? taskTarget(request, { server: "files", id: "1" }) : targetOf(snapshot, request)
  if (target === undefined || target instanceof UnknownName) return target?.message
  const deciding = { access, principal: ada, request, target }
  const decision = decided(deciding)
  return decision.isAllowed ? "allowed" : refusalOf(deciding, decision).message
}

const read = (uri: string) => ["resources/read", { uri }] as const
const complete = (ref: object) => ["completion/complete", { ref, argument: { name: "x", value: "" } }] as const

describe("a request under access rules", () => {
  it("for a resource is decided by its URI, also where only a template leads to it that is not listed", () => {
    const rules = [{ effect: "allow" as const, resources: ["file:///pub/**"] as const }]
    assert.strictEqual(answerTo(rules, ...read("file:///pub/a")), "allowed")
    assert.strictEqual(answerTo(rules, ...read("file:///pub/unlisted")), "allowed")
    for (const uri of ["file:///priv/a", "file:///priv/unlisted", "file:///pub/../priv/a"]) assert.strictEqual(answerTo(rules, ...read(uri)), `Unknown resource: ${uri}`)
  })

  it("for completions is allowed for what is listed, without arguments to decide by, and unknown for what is not", () => {
    const rules = [
      { effect: "allow" as const, prompts: ["ask"] as const, arguments: { topic: "x" } },
      { effect: "allow" as const, resources: ["file:///pub/**"] as const }
    ]
    assert.strictEqual(answerTo(rules, ...complete({ type: "ref/prompt", name: "files__ask" })), "allowed")
    assert.strictEqual(answerTo(rules, ...complete({ type: "ref/prompt", name: "files__tell" })), "Unknown prompt: files__tell")
    assert.strictEqual(answerTo(rules, ...complete({ type: "ref/resource", uri: "file:///{path}" })), "Unknown resource: file:///{path}")
    assert.strictEqual(answerTo([{ effect: "allow", templates: ["*"] }], ...complete({ type: "ref/resource", uri: "file:///{path}" })), "allowed")
  })

  it("for a prompt is decided by its arguments as for a tool, and says so only to who may use it at all", () => {
    const rules = [{ effect: "allow" as const, prompts: ["ask"] as const, arguments: { topic: "x" } }]
    assert.strictEqual(answerTo(rules, "prompts/get", { name: "files__ask", arguments: { topic: "x" } }), "allowed")
    assert.strictEqual(
      answerTo(rules, "prompts/get", { name: "files__ask", arguments: { topic: "y" } }),
      "Denied prompt \"ask\" of server \"files\": no rule allows these arguments"
    )
    assert.strictEqual(answerTo(rules, "prompts/get", { name: "files__tell", arguments: { topic: "x" } }), "Unknown prompt: files__tell")
  })

  it("about a task is for who may still see the server it runs at, and for nobody else", () => {
    assert.strictEqual(answerTo([{ effect: "allow", tools: ["read"] }], "tasks/get", { taskId: "t" }), "allowed")
    assert.strictEqual(answerTo([], "tasks/get", { taskId: "t" }), "Unknown task: t")
  })
})
