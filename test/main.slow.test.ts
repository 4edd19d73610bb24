import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { temporaryDirectory } from "./kit/gateway.ts"

describe("the gateway", () => {
  it("goes on when nobody reads its logs any more", async () => {
    const directory = temporaryDirectory()
    const manifest = join(directory, "manifold.yaml")
    // A server that ends at once, again and again, so that there is something to log.
    writeFileSync(manifest, "version: 1\nservers:\n  - { id: a, type: local, command: /bin/false, auth_strategy: bypass_auth }\n")
    const child = spawn("node", ["src/main.ts", "serve", "--manifest", manifest, "--port", "0"], { stdio: ["ignore", "pipe", "pipe"] })
    const [said] = await once(child.stdout, "data")
    child.stderr.destroy()
    await new Promise((done) => setTimeout(done, 3000))
    const { origin } = new URL(String(said).replace("listening on ", ""))
    assert.strictEqual((await fetch(`${origin}/health/live`)).status, 200)
    child.kill("SIGTERM")
    assert.deepStrictEqual(await once(child, "exit"), [0, null])
    rmSync(directory, { recursive: true, force: true })
  })
})
