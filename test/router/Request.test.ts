import { assert, describe, it } from "@effect/vitest"
import { members } from "../../src/lib/Json.ts"
import { param, paramsWith, type Request, stringParam } from "../../src/router/Request.ts"

describe("the parameters of a request", () => {
  const request = requestWith(`{"name":"pre__\\u0066ind","arguments":{"n":9007199254740993,"n":1e400},"_meta":{"a":1},"n":5}`)

  it("are given as they were written", () => {
    assert.strictEqual(param(request, "arguments"), `{"n":9007199254740993,"n":1e400}`)
    assert.isUndefined(param(request, "toString"))
  })

  it("are text only where they are strings", () => {
    assert.strictEqual(stringParam(request, "name"), "pre__find")
    for (const key of ["n", "arguments", "other"]) assert.isUndefined(stringParam(request, key))
  })

  it("go on with one replaced and without _meta, the rest byte for byte", () => {
    assert.strictEqual(paramsWith(request, "name", `"find"`)("modern"), `"name":"find","arguments":{"n":9007199254740993,"n":1e400},"n":5`)
    assert.strictEqual(paramsWith(requestWith("{}"), "name", `"find"`)("modern"), "")
    assert.strictEqual(paramsWith(requestWith(`{"_meta":{},"a\\nb":[1 , 2]}`), "x", "1")("modern"), `"a\\nb":[1 , 2]`)
  })
})

function requestWith(text: string): Request {
  return { method: "tools/call", text, params: members(text) ?? [], meta: "", progressToken: undefined }
}
