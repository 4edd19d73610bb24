/** A real sshd on loopback that lets one key in, and that key; `sshMissing` says why there is none. */
import { execFileSync, spawn } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { connect, createServer } from "node:net"
import { userInfo } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"

const SSHD = "/usr/sbin/sshd"

export const sshMissing = existsSync(SSHD) ? undefined : "there is no sshd (apt install openssh-server)"

export interface SshServer {
  /** Address of an absolute path. */
  readonly url: (path: string) => string
  /** The private key that is let in. */
  readonly key: string
  readonly knownHosts: string
}

/** Scoped; its files go into `folder`. */
export const sshServer = (folder: string) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(async () => {
        const port = await freePort()
        const server = prepare(folder, port)
        const child = spawn(SSHD, ["-D", "-e", "-f", join(folder, "sshd_config")], { stdio: "ignore" })
        await listening(port)
        return { child, server }
      }),
      ({ child }) => Effect.sync(() => child.kill())
    ),
    ({ server }) => server
  )

/** Makes a pair of keys and gives the path of the private one. */
export const keyIn = (folder: string, name: string): string => {
  mkdirSync(folder, { recursive: true })
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "canary-comment", "-f", join(folder, name)])
  return join(folder, name)
}

const prepare = (folder: string, port: number): SshServer => {
  const host = keyIn(folder, "host")
  const user = keyIn(folder, "user")
  // Where sshd gives up its rights before it knows who asks; only root's does.
  if (userInfo().uid === 0) mkdirSync("/run/sshd", { recursive: true })
  writeFileSync(join(folder, "sshd_config"), [
    "ListenAddress 127.0.0.1",
    `Port ${port}`,
    `HostKey ${host}`,
    `AuthorizedKeysFile ${user}.pub`,
    "PidFile none",
    "UsePAM no",
    "StrictModes no",
    "PasswordAuthentication no",
    "PermitRootLogin prohibit-password",
    ""
  ].join("\n"))
  const [type = "", text = ""] = readFileSync(`${host}.pub`, "utf8").split(" ")
  return {
    url: (path) => `ssh://${userInfo().username}@127.0.0.1:${port}${path}`,
    key: readFileSync(user, "utf8"),
    knownHosts: `[127.0.0.1]:${port} ${type} ${text}`
  }
}

const freePort = () =>
  new Promise<number>((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

const listening = async (port: number) => {
  for (let left = 100; left > 0; left--) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false))
      socket.once("close", () => socket.destroy())
      setTimeout(() => socket.destroy(), 50)
    })
    if (isUp) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`sshd does not listen on ${port}`)
}
