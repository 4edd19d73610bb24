import { assert, describe, it } from "@effect/vitest"
import { createHmac, randomBytes } from "node:crypto"
import { Effect, FileSystem } from "effect"
import { NodeServices } from "@effect/platform-node"
import { TestClock } from "effect/testing"
import { Audit, type Recorder } from "../../src/observe/Audit.ts"
import { auditLayer } from "../../src/observe/Audit.node.ts"
import { macWith } from "../../src/observe/AuditLines.node.ts"
import { checkAudit } from "../../src/observe/AuditCheck.node.ts"
import { Redactor } from "../../src/observe/Redaction.ts"

const WANTED = { arguments: "shape", required: false } as const

/** Somewhere to keep records, and how a gateway over it records from its start to its end. */
const place = Effect.gen(function*() {
  const files = yield* FileSystem.FileSystem
  const data = yield* files.makeTempDirectoryScoped()
  const directory = `${data}/audit`
  const recording = (run: (recorder: Recorder) => void, wanted: { readonly arguments: "shape" | "none"; readonly required: boolean } = WANTED) =>
    Effect.gen(function*() {
      const audit = yield* Audit
      yield* audit.configure(wanted)
      const recorder = audit.recorder()
      assert(recorder !== undefined)
      run(recorder)
    }).pipe(Effect.provide(auditLayer(data, new Redactor()), { local: true }), Effect.scoped)
  const file = Effect.map(files.readDirectory(directory), ([name = ""]) => `${directory}/${name}`)
  const lines = Effect.flatMap(file, (path) => Effect.map(files.readFileString(path), (text) => text.trimEnd().split("\n")))
  const rewrite = (change: (text: string) => string) =>
    Effect.flatMap(file, (path) => Effect.flatMap(files.readFileString(path), (text) => files.writeFileString(path, change(text))))
  return { files, data, directory, recording, file, lines, rewrite, check: (known?: Parameters<typeof checkAudit>[1]) => Effect.promise(() => checkAudit(directory, known)) }
})

const three = (recorder: Recorder) => {
  for (const name of ["a", "b", "c"]) recorder.record({ event: "call", name })
}

describe("the audit", () => {
  it.effect("is one chain over restarts and days, in files that only their owner reads", () =>
    Effect.gen(function*() {
      const { check, data, directory, files, recording } = yield* place
      yield* recording(three)
      yield* TestClock.adjust("1 day")
      yield* recording(three)
      assert.deepStrictEqual((yield* files.readDirectory(directory)).sort(), ["1970-01-01.jsonl", "1970-01-02.jsonl"])
      const checked = yield* check()
      assert.deepInclude(checked, { records: 8, files: 2, from: 1, lost: 0, torn: false })
      assert.isUndefined(checked.broken)
      const modes = yield* Effect.forEach([directory, `${directory}/1970-01-01.jsonl`, `${data}/keys/audit`], (path) => Effect.map(files.stat(path), ({ mode }) => mode & 0o777))
      assert.deepStrictEqual(modes, [0o700, 0o600, 0o600])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("breaks where a record is changed, taken out or put elsewhere, and says where", () =>
    Effect.gen(function*() {
      const { check, recording, rewrite } = yield* place
      yield* recording(three)
      const broken = (change: (text: string) => string) =>
        Effect.gen(function*() {
          let before = ""
          yield* rewrite((text) => change(before = text))
          const checked = yield* check()
          yield* rewrite(() => before)
          return checked.broken?.line
        })
      assert.isUndefined(yield* broken((text) => text))
      assert.strictEqual(yield* broken((text) => text.replace(`"name":"a"`, `"name":"x"`)), 3)
      assert.strictEqual(yield* broken((text) => text.replace(/^.*"name":"b".*\n/mu, "")), 3)
      assert.strictEqual(yield* broken((text) => text.split("\n").toSpliced(1, 2, ...text.split("\n").slice(1, 3).reverse()).join("\n")), 2)
      assert.strictEqual(yield* broken((text) => text.replace(/"name":"c".*$/mu, "garbage")), 4)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("that was cut off at its end shows it to who noted its last record, and to nobody else", () =>
    Effect.gen(function*() {
      const { check, recording, rewrite } = yield* place
      yield* recording(three)
      const { last } = yield* check()
      assert.isUndefined((yield* check(last)).broken)
      yield* rewrite((text) => text.split("\n").slice(0, 3).join("\n") + "\n")
      assert.isUndefined((yield* check()).broken)
      assert.match((yield* check(last)).broken?.why ?? "", /ends without record 4/u)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("goes on after a crash that left half a line, and says so", () =>
    Effect.gen(function*() {
      const { check, lines, recording, rewrite } = yield* place
      yield* recording(three)
      yield* rewrite((text) => `${text}{"seq":5,"ti`)
      assert.deepInclude(yield* check(), { records: 4, torn: true })
      yield* recording(three)
      const checked = yield* check()
      assert.deepInclude(checked, { records: 8, torn: false })
      assert.isUndefined(checked.broken)
      assert.include((yield* lines)[4] ?? "", `"event":"audit","outcome":"opened","torn":12`)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("knows of arguments their keys and whether two are the same, and no value", () =>
    Effect.gen(function*() {
      const { recording } = yield* place
      const shapes: Array<ReturnType<Recorder["shapeOf"]>> = []
      const texts = [`{"password":"hunter2","n":1}`, `{"n":1, "password":"hunter2"}`, `{"password":"hunter3","n":1}`]
      yield* recording(({ shapeOf }) => shapes.push(...texts.map(shapeOf)))
      assert.deepStrictEqual(shapes.map((shape) => shape?.keys), [["password", "n"], ["n", "password"], ["password", "n"]])
      assert.strictEqual(shapes[0]?.hmac, shapes[1]?.hmac)
      assert.notStrictEqual(shapes[0]?.hmac, shapes[2]?.hmac)
      yield* recording(({ shapeOf }) => assert.isUndefined(shapeOf("{}")), { arguments: "none", required: false })
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it("makes the hash of arguments as RFC 2104 says", () => {
    const key = randomBytes(32)
    for (const text of ["", "{}", "x".repeat(1000)]) assert.strictEqual(macWith(key)(text), createHmac("sha256", key).update(text).digest("hex"))
  })

  it.effect("takes secrets out of what callers wrote, and stays a chain of whole records", () =>
    Effect.gen(function*() {
      const { check, lines, recording } = yield* place
      const written = ["-----BEGIN PRIVATE KEY-----", `ghp_${"a".repeat(36)}`, "plain\n\"name\""]
      yield* recording((recorder) => {
        for (const name of written) recorder.record({ event: "call", name, after: "still there" })
      })
      assert.isUndefined((yield* check()).broken)
      const names = (yield* lines).slice(1).map((line): unknown => JSON.parse(line).name)
      assert.deepStrictEqual(names, ["[redacted]", "[redacted]", written[2]])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("counts credentials that are refused, a kind a record, however many there are", () =>
    Effect.gen(function*() {
      const { lines, recording } = yield* place
      yield* recording(({ refused }) => {
        for (let i = 0; i < 1000; i++) refused({ status: 401, why: "The token is not valid here", from: "10.0.0.1", path: "/mcp" })
        for (let i = 0; i < 1000; i++) refused({ status: 401, why: "The token is not valid here", from: `10.1.0.${i}`, path: "/mcp" })
      })
      const counts = (yield* lines).map((line): { readonly from?: string; readonly count?: number } => JSON.parse(line)).filter(({ count }) => count !== undefined)
      assert.lengthOf(counts, 101)
      assert.deepInclude(counts[0], { from: "10.0.0.1", count: 1000 })
      assert.deepInclude(counts[100], { from: "others", count: 901 })
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("that cannot be written keeps what it can, counts the rest, and blocks calls only where the manifest wants that", () =>
    Effect.gen(function*() {
      const { check, data, directory, files } = yield* place
      yield* files.writeFileString(directory, "in the way")
      yield* Effect.gen(function*() {
        const audit = yield* Audit
        yield* audit.configure(WANTED)
        assert.deepInclude(audit.state(), { state: "failing", lost: 0 })
        assert.isFalse(audit.recorder()?.isBlocking())
        yield* audit.configure({ ...WANTED, required: true })
        assert.isTrue(audit.recorder()?.isBlocking())
        for (let i = 0; i < 50_010; i++) audit.recorder()?.record({ event: "call", i })
        assert.deepInclude(audit.state(), { state: "failing", lost: 10 })
        yield* files.remove(directory)
        yield* audit.configure({ ...WANTED, required: true })
        assert.deepInclude(audit.state(), { state: "writing", lost: 10 })
        assert.isFalse(audit.recorder()?.isBlocking())
      }).pipe(Effect.provide(auditLayer(data, new Redactor()), { local: true }), Effect.scoped)
      const checked = yield* check()
      assert.isUndefined(checked.broken)
      assert.strictEqual(checked.lost, 10)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
