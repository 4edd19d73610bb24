/** Names of images, and the command line that is made of them. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { NAME, removeArguments, runArguments } from "../../../src/plugin/container/Arguments.ts"
import { imageOf, isExact } from "../../../src/lib/ImageName.ts"

const digest = `sha256:${"0a".repeat(32)}`

describe("the name of an image", () => {
  it.each([
    ["alpine", { name: "alpine" }],
    ["alpine:3.22", { name: "alpine", tag: "3.22" }],
    ["registry.example.com:5000/team/a_b.c--d:V1", { name: "registry.example.com:5000/team/a_b.c--d", tag: "V1" }],
    ["localhost:5000/a", { name: "localhost:5000/a" }],
    [`a/b:1@${digest}`, { name: "a/b", tag: "1", digest }]
  ])("is read: %s", (text, image) => assert.deepStrictEqual(imageOf(text), image))

  it.each([
    "", "--privileged", "-v", "a b", "a\nb", "A/b", "a//b", "/a", "a/", "../a", "a/../b", "https://a/b", "a:", "a:-b", "a:b:c", "a@sha256:00", `a@${digest}@${digest}`,
    `a@${digest.toUpperCase()}`, "a;touch x", "$(touch x)", "`x`", "a\u0000", "a:b c", "ä"
  ])("is none: %j", (text) => assert.isUndefined(imageOf(text)))

  it("is never an option, has no white space, and says again what was read", () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(..."ab-_.:/@A0 ") }), fc.stringMatching(/^[a-z0-9]{1,5}(?:[./:@_-]{1,2}[a-z0-9]{1,5}){0,4}$/u))
    fc.assert(fc.property(text, (given) => {
      const image = imageOf(given)
      if (image === undefined) return
      assert.match(given, /^[a-z0-9][^\s]*$/u)
      assert.strictEqual(`${image.name}${image.tag === undefined ? "" : `:${image.tag}`}${image.digest === undefined ? "" : `@${image.digest}`}`, given)
      assert.strictEqual(isExact(given), image.digest !== undefined)
    }), { numRuns: 2000 })
  })
})

describe("the command line of a container", () => {
  const wanted = { environment: [], limits: {} }
  const run = { image: `a@${digest}`, network: "none", user: "65532", mounts: [], wanted } as const

  it("gives nothing away that the manifest does not", () => {
    assert.deepStrictEqual(runArguments(run).join(" "), [
      "run --interactive --init --rm --pull=never", `--name ${NAME}`, "--read-only --tmpfs /tmp:rw,noexec,nosuid,nodev,size=64m,mode=1777",
      "--cap-drop ALL --security-opt no-new-privileges --network none --user 65532 --memory 536870912b --memory-swap 536870912b --cpus 1 --pids-limit 256",
      `--ulimit nofile=4096:4096 --log-driver none --no-healthcheck --env HOME=/tmp a@${digest}`
    ].join(" "))
  })

  it("publishes a port on this machine alone, and only where the network is the container's own", () => {
    const ported = { ...wanted, port: 4000 }
    assert.include(runArguments({ ...run, network: "bridge", wanted: ported }).join(" "), "--env PORT --publish 127.0.0.1:4000:4000")
    assert.notInclude(runArguments({ ...run, network: "host", wanted: ported }).join(" "), "--publish")
  })

  it("ends with the image whatever was asked for, and what removes it names the same container", () => {
    const limits = fc.record({ memory: fc.nat(), cpu: fc.double({ min: 0.01, max: 64 }), processes: fc.nat() }, { requiredKeys: [] })
    fc.assert(fc.property(fc.array(fc.stringMatching(/^[A-Z_]{1,8}$/u)), limits, fc.constantFrom("none", "bridge", "host"), (environment, most, network) => {
      const made = runArguments({ ...run, network, wanted: { environment, limits: most } })
      assert.strictEqual(made.at(-1), run.image)
      assert.include(made, NAME)
      assert.strictEqual(removeArguments.at(-1), NAME)
    }))
  })
})
