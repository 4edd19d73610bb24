import { assert, describe, it } from "@effect/vitest"
import { baseOf, endpointOf, NoGateway, reasonOf } from "../../src/cli/Running.ts"

describe("the address of a running gateway", () => {
  it("is found from the gateway's own and from its endpoints", () => {
    for (const given of ["http://a:1", "http://a:1/", "http://a:1/mcp", "http://a:1/mcp/", "http://a:1/servers/files/mcp"]) {
      assert.strictEqual(baseOf(given), "http://a:1")
    }
    assert.strictEqual(baseOf("https://a/gw/mcp"), "https://a/gw")
  })

  it("gets the usual path as an endpoint, unless it has one", () => {
    assert.strictEqual(endpointOf("http://a:1"), "http://a:1/mcp")
    assert.strictEqual(endpointOf("http://a:1/"), "http://a:1/mcp")
    assert.strictEqual(endpointOf("http://a:1/other"), "http://a:1/other")
  })
})

describe("why a gateway cannot be reached", () => {
  it("is the known reason, however deep it lies, else the innermost message", () => {
    const refused = Object.assign(new Error("connect"), { code: "ECONNREFUSED" })
    assert.strictEqual(reasonOf(new Error("fetch failed", { cause: refused })), "nothing listens there")
    assert.strictEqual(reasonOf({ reason: { cause: new Error("fetch failed", { cause: refused }) } }), "nothing listens there")
    assert.strictEqual(reasonOf(new Error("outer", { cause: new Error("bad port") })), "bad port")
    assert.strictEqual(reasonOf("text"), "text")
  })

  it("comes with the next step", () => {
    const { message } = new NoGateway({ url: "http://a", why: "nothing listens there" })
    assert.include(message, "No gateway answers at http://a: nothing listens there.")
    assert.include(message, "manifold serve --manifest")
  })
})
