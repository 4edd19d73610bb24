/** The vault's key in a real keyring (the Secret Service of gnome-keyring, on a session bus of its own). */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { temporaryDirectory } from "../kit/gateway.ts"

const missing = ["secret-tool", "gnome-keyring-daemon", "dbus-run-session"].filter((name) => !existsSync(`/usr/bin/${name}`))
if (missing.length > 0) console.log(`skipped: there is no ${missing.join(", ")}: apt-get install gnome-keyring libsecret-tools dbus`)

const SCRIPT = `
printf pass | gnome-keyring-daemon --unlock --foreground --components=secrets >/dev/null 2>&1 &
keyring=$!
for try in $(seq 100); do
  dbus-send --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner string:org.freedesktop.secrets | grep -q true && break
  sleep 0.1
done
printf hunter2 | node dist/manifold.mjs secrets set one --manifest "$1"; echo "without a key: $?"
openssl rand -base64 32 | secret-tool store --label="Manifold vault" service manifold account vault-key
printf hunter2 | node dist/manifold.mjs secrets set one --manifest "$1"; echo "with a key: $?"
node dist/manifold.mjs secrets list --manifest "$1"
openssl rand -base64 32 | secret-tool store --label="Manifold vault" service manifold account vault-key
node dist/manifold.mjs serve --manifest "$1" --port 0; echo "with another key: $?"
kill "$keyring"
`

describe.skipIf(missing.length > 0)("a vault whose key is in the keyring", () => {
  it.live("opens with it, says how to put one there, and does not start with another", () =>
    Effect.gen(function*() {
      const directory = yield* Effect.acquireRelease(Effect.sync(() => temporaryDirectory()), (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true })))
      const manifest = join(directory, "manifold.yaml")
      writeFileSync(manifest, "version: 1\nhosting: { vault: { keyring: true }, data_directory: ./data }\n")
      mkdirSync(join(directory, "run"), { mode: 0o700 })
      const said = yield* Effect.promise(() =>
        promisify(execFile)("dbus-run-session", ["--", "bash", "-c", `{ ${SCRIPT} } 2>&1`, "keyring", manifest], {
          env: { ...process.env, HOME: directory, XDG_RUNTIME_DIR: join(directory, "run") },
          timeout: 60_000
        }).then(({ stdout }) => stdout))
      assert.match(said, /secret-tool store[^]*without a key: 78/u)
      assert.match(said, /with a key: 0[^]*one[^]*with another key: 78/u)
      for (const name of readdirSync(join(directory, "data"), { recursive: true, encoding: "utf8" })) {
        if (/\.(?:db|sqlite|json)/u.test(name)) assert.notInclude(readFileSync(join(directory, "data", name), "latin1"), "hunter2")
      }
    }).pipe(Effect.scoped), 90_000)
})
