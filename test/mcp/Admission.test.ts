import { IncomingMessage } from "node:http"
import { Socket } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { admissionFor, admit, admitPost } from "../../src/mcp/Admission.node.ts"

type Headers = ReadonlyArray<readonly [string, string]>

const local = admissionFor({ scheme: "http", host: "127.0.0.1", port: 8080, base: undefined, hosts: [], origins: [] })
const public_ = admissionFor({
  scheme: "http",
  host: "0.0.0.0",
  port: 8080,
  base: "https://gw.example.com",
  hosts: ["Other.example.com:444"],
  origins: ["https://Console.example.com"]
})
const host = ["Host", "127.0.0.1:8080"] as const

describe("the host of a request", () => {
  it("is one of ours, exactly", () => {
    for (const name of ["127.0.0.1:8080", "localhost:8080", "LocalHost:8080", "[::1]:8080"]) {
      assert.isUndefined(admit(request([["Host", name]]), local), name)
    }
    for (const name of ["gw.example.com", "other.example.com:444"]) assert.isUndefined(admit(request([["Host", name]]), public_), name)
  })

  it.each([
    "evil.example",
    "127.0.0.1",
    "127.0.0.1:80",
    "127.0.0.1:8080@evil.example",
    "evil.example@127.0.0.1:8080",
    "127.0.0.1:8080:80",
    "127.0.0.1:08080",
    "127.0.0.1:8080.evil.example",
    "localhost.:8080",
    "127.1:8080",
    "0x7f000001:8080",
    "localhost:8080, evil.example",
    "[::1:8080",
    ""
  ])("that is %j is refused", (name) => {
    assert.strictEqual(admit(request([["Host", name]]), local)?.status, 403)
  })

  it("is any address for those who ask for health, as platforms do, and no other name", () => {
    for (const name of ["10.1.2.3:8000", "10.1.2.3", "[fd00::12]:8000"]) {
      for (const path of ["/health/live", "/health/ready"]) assert.isUndefined(admit(request([["Host", name]], path), public_), name)
      for (const path of ["/mcp", "/api/v1/servers", "/health/", "/health/ready/../../mcp"]) assert.strictEqual(admit(request([["Host", name]], path), public_)?.status, 403, path)
    }
    for (const name of ["evil.example", "10.1.2.3.evil.example", "10.1.2.3:8000@evil.example", "[evil.example]", "0x7f000001"]) {
      assert.strictEqual(admit(request([["Host", name]], "/health/ready"), public_)?.status, 403, name)
    }
  })

  it("has to be there, once", () => {
    assert.strictEqual(admit(request([]), local)?.status, 400)
    assert.strictEqual(admit(request([host, host]), local)?.status, 400)
    assert.strictEqual(admit(request([host, ["Host", "evil.example"]]), local)?.status, 400)
  })

  it("counts, and never the one in the request line", () => {
    for (const url of ["http://127.0.0.1:8080/mcp", "http://evil.example/mcp", "*", "", "mcp"]) {
      assert.strictEqual(admit(request([host], url), local)?.status, 400, url)
    }
  })
})

describe("the origin of a request", () => {
  it("may be missing, or one of ours", () => {
    for (const origin of ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"]) {
      assert.isUndefined(admit(request([host, ["Origin", origin]]), local), origin)
    }
    for (const origin of ["https://gw.example.com", "https://console.example.com"]) {
      assert.isUndefined(admit(request([["Host", "gw.example.com"], ["Origin", origin]]), public_), origin)
    }
  })

  it.each(["https://evil.example", "null", "", "http://127.0.0.1:8080.evil.example", "http://127.0.0.1", "https://127.0.0.1:8080", "http://localhost:8080/"])(
    "that is %j is refused, also with the right host",
    (origin) => {
      assert.strictEqual(admit(request([host, ["Origin", origin]]), local)?.status, 403)
    }
  )

  it("is refused when there are two", () => {
    assert.strictEqual(admit(request([host, ["Origin", "http://127.0.0.1:8080"], ["Origin", "https://evil.example"]]), local)?.status, 403)
  })
})

it("64 header fields pass, 65 do not, whatever they are", () => {
  const fields = (count: number): Headers => [host, ...Array.from({ length: count - 1 }, (): readonly [string, string] => ["X", "1"])]
  assert.isUndefined(admit(request(fields(64)), local))
  assert.strictEqual(admit(request(fields(65)), local)?.status, 431)
})

describe("a POST", () => {
  const post = (type: string, ...more: Headers) => admitPost(request([["Content-Type", type], ...more]))?.status

  it.each(["application/json", "application/json; charset=utf-8", "Application/JSON;charset=\"UTF-8\""])("of %s is read", (type) => {
    assert.isUndefined(post(type))
  })

  it.each(["text/plain", "application/json;charset=utf-7", "application/json; charset=utf-16", "application/jsonp", "application/x-www-form-urlencoded", "application/json, text/plain", ""])(
    "of %j is not",
    (type) => {
      assert.strictEqual(post(type), 415)
    }
  )

  it("without a type, with two, or with an encoded body is not read", () => {
    assert.strictEqual(admitPost(request([]))?.status, 415)
    assert.strictEqual(post("application/json", ["Content-Type", "text/plain"]), 415)
    assert.strictEqual(post("application/json", ["Content-Encoding", "gzip"]), 415)
  })

  it("has to accept both kinds of answer, in any spelling", () => {
    for (const accept of ["application/json, text/event-stream", "text/event-stream;q=0.9 ,Application/Json", "*/*", "text/html, */*;q=0.1"]) {
      assert.isUndefined(post("application/json", ["Accept", accept]), accept)
    }
    for (const accept of ["application/json", "text/event-stream", "text/html", "", "application/jsonx, text/event-stream"]) {
      assert.strictEqual(post("application/json", ["Accept", accept]), 406, accept)
    }
  })
})

/** A request as Node's parser gives it. */
const request = (headers: Headers, url = "/mcp"): IncomingMessage => {
  const message = new IncomingMessage(new Socket())
  message.method = "GET"
  message.url = url
  message.rawHeaders = headers.flat()
  for (const [name, value] of headers) message.headers[name.toLowerCase()] ??= value
  for (const [name, value] of headers) (message.headersDistinct[name.toLowerCase()] ??= []).push(value)
  return message
}
