/** Local servers that are watched: who edits one sees the new code at once, and nobody else notices. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { call, load, serving, statusOf, until } from "../kit/calls.ts"
import { gateway } from "../kit/gateway.ts"
import { write } from "../kit/gitServer.ts"

const HELLO = readFileSync("manifests/examples/servers/hello.mjs", "utf8")
const local = (id: string, path: string, more: object = {}) => ({ id, type: "local", path, watch: true, auth_strategy: "bypass_auth", ...more })
const saying = (greeting: string) => HELLO.replace("\"Hello\"", JSON.stringify(greeting))
/** Answers when the file of its name is there. */
const waiting = saying("Waited").replace("return { content", "for (; !(await import(\"node:fs\")).existsSync(who);) await new Promise((again) => setTimeout(again, 20))\n    return { content")
  .replace("\"tools/call\": (", "\"tools/call\": async (").replace("send({ id, result: answer(params) })", "void Promise.resolve(answer(params)).then((result) => send({ id, result }))")

const started = Effect.gen(function*() {
  const gate = yield* gateway({
    servers: [
      local("file", "./servers/file.mjs"),
      local("folder", "./folder"),
      local("built", "./built", { install: true }),
      { ...local("still", "./still"), watch: false }
    ]
  }, {
    prepare: async (directory) => {
      write(directory, {
        "servers/file.mjs": saying("One"),
        "folder/server.mjs": `export {} from "./part/greeting.mjs"\n${HELLO}`.replace("process.env.GREETING ?? \"Hello\"", "(await import(\"./part/greeting.mjs\")).default"),
        "folder/part/greeting.mjs": `export default "One"`,
        "built/package.json": `{"main":"dist/index.mjs","scripts":{"build":"node build.mjs"}}`,
        "built/build.mjs": `import { cpSync } from "node:fs"; cpSync("source.mjs", "dist/index.mjs")`,
        "built/source.mjs": saying("One"),
        "still/server.mjs": saying("One")
      })
    }
  })
  const greeting = async (id: string, name = "Ada") => (await call(gate.url, `${id}__greet`, { name })).text.split(",")[0]
  const greets = (id: string, expected: string) => until(() => greeting(id), (text) => text === expected, 30)
  yield* Effect.promise(() => serving(gate.url, "file", "folder", "built", "still"))
  return { ...gate, greeting, greets }
})

/** When each server was started, but for these. */
const others = async (url: string, ...but: ReadonlyArray<string>) =>
  (await statusOf(url)).servers.filter(({ id }) => !but.includes(id)).map(({ actual, id }) => [id, actual.since, actual.restarts])

describe("a local server that is watched", () => {
  it.live("runs its new code when a file has changed, alone, and fails no call: those in flight end on the old code", () =>
    Effect.gen(function*() {
      const { directory, greeting, greets, url } = yield* started
      yield* Effect.promise(async () => {
        const before = await others(url, "file")
        const busy = load(url, "file__greet", { name: directory }, 2)
        writeFileSync(join(directory, "servers/file.mjs"), waiting)
        await until(async () => busy.answers.size, (size) => size === 2, 30)
        await busy.stop()
        assert.deepStrictEqual(busy.failures, [])

        const slow = call(url, "file__greet", { name: join(directory, "answered") })
        writeFileSync(join(directory, "servers/file.mjs"), saying("Three"))
        await until(() => greeting("file", directory), (text) => text === "Three", 30)
        writeFileSync(join(directory, "answered"), "")
        assert.include((await slow).text, "Waited", "it ended on the code that it began on")
        assert.deepStrictEqual(await others(url, "file"), before)

        // As editors do, and in a folder that was not there.
        mkdirSync(join(directory, "folder/part.new"))
        writeFileSync(join(directory, "folder/part.new/greeting.mjs"), `export default "Two"`)
        rmSync(join(directory, "folder/part"), { recursive: true })
        renameSync(join(directory, "folder/part.new"), join(directory, "folder/part"))
        await greets("folder", "Two")
        writeFileSync(join(directory, "folder/part/greeting.mjs"), `export default "Three"`)
        await greets("folder", "Three")

        writeFileSync(join(directory, "built/source.mjs"), saying("Two"))
        await greets("built", "Two")
      })
    }).pipe(Effect.scoped), 120_000)

  it.live("keeps serving with its last good code when the new one does not start, and takes the next that does", () =>
    Effect.gen(function*() {
      const { directory, greeting, greets, url } = yield* started
      yield* Effect.promise(async () => {
        writeFileSync(join(directory, "servers/file.mjs"), "throw new Error(\"half a thought\")")
        await until(() => statusOf(url), ({ servers }) => servers.some(({ id, wanted }) => id === "file" && wanted.problem !== undefined), 30)
        assert.strictEqual(await greeting("file"), "One")
        writeFileSync(join(directory, "servers/file.mjs"), saying("Two"))
        await greets("file", "Two")
        await until(() => statusOf(url), ({ servers }) => servers.every(({ wanted }) => wanted.problem === undefined), 30)
      })
    }).pipe(Effect.scoped))

  it.live("is left alone by what is made anew there, by a file that says the same, and where it is not watched", () =>
    Effect.gen(function*() {
      const { directory, greeting, greets, stderr, url } = yield* started
      yield* Effect.promise(async () => {
        const before = await others(url, "file", "folder")
        write(directory, {
          "folder/node_modules/x/index.js": "1",
          "folder/.git/index": "2",
          "folder/__pycache__/a.pyc": "3",
          "folder/part/greeting.mjs": `export default "One"`,
          "servers/another.mjs": "4",
          "still/server.mjs": saying("Two")
        })
        // What would have been seen has been by the time that these have, once each.
        writeFileSync(join(directory, "servers/file.mjs"), saying("Two"))
        await greets("file", "Two")
        write(directory, { "folder/part/greeting.mjs": `export default "Two"` })
        await greets("folder", "Two")
        assert.deepStrictEqual(await others(url, "file", "folder"), before)
        assert.strictEqual(await greeting("still"), "One")
        assert.lengthOf(stderr().match(/its source has changed/gu) ?? [], 2)
      })
    }).pipe(Effect.scoped))
})
