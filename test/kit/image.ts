/**
 * The image of the Dockerfile. There may be no registry to get `node:24-bookworm-slim` from, so its like is made from
 * Debian's packages and this machine's Node, and kept in ~/.cache because that takes a minute.
 */
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs"
import { homedir } from "node:os"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import { noDocker } from "./docker.ts"

const run = promisify(execFile)

const DEBOOTSTRAP = "/usr/sbin/debootstrap"
/** What the Dockerfile installs; that it asks for nothing else is seen when it is built. */
const PACKAGES = "ca-certificates,git,openssh-client,python3,python3-venv,tini"
const NPM = "npm@11.19.1"
/** The certificates that this machine trusts, where those of Debian are not enough. */
const CERTIFICATES = process.env["NODE_EXTRA_CA_CERTS"]

/** Why the image cannot be built; nothing where it can. */
export const noImage: string | undefined = noDocker ?? (existsSync(DEBOOTSTRAP) ? undefined : `there is no ${DEBOOTSTRAP}: apt-get install debootstrap`)

/** The file system of Debian with Node and npm, as one archive. */
const base = async (): Promise<string> => {
  const certificates = CERTIFICATES === undefined ? "" : readFileSync(CERTIFICATES)
  const key = createHash("sha256").update(PACKAGES).update(process.version).update(NPM).update(certificates).digest("hex").slice(0, 16)
  const cache = join(homedir(), ".cache", "manifold-test")
  const archive = join(cache, `base-${key}.tar`)
  if (existsSync(archive)) return archive
  mkdirSync(cache, { recursive: true, mode: 0o700 })
  const draft = mkdtempSync(join(cache, "draft-"))
  try {
    const root = join(draft, "root")
    await run(DEBOOTSTRAP, ["--variant=minbase", `--include=${PACKAGES}`, "bookworm", root, "http://deb.debian.org/debian"], { maxBuffer: 1e8 })
    copyFileSync(process.execPath, join(root, "usr/local/bin/node"))
    await run("npm", ["install", "--global", "--prefix", join(root, "usr/local"), NPM])
    if (CERTIFICATES !== undefined) copyFileSync(CERTIFICATES, join(root, "etc/ssl/certs/ca-certificates.crt"))
    rmSync(join(root, "var/cache/apt"), { recursive: true })
    await run("tar", ["-C", root, "-cf", join(draft, "base.tar"), "."])
    renameSync(join(draft, "base.tar"), archive)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
  return archive
}

/** Builds the Dockerfile of this repository under a name, with the network of this machine. */
export const buildImage = async (socket: string, name: string): Promise<void> => {
  const docker = (...args: ReadonlyArray<string>) =>
    run("docker", args, { env: { ...process.env, DOCKER_HOST: socket, DOCKER_BUILDKIT: "0" }, maxBuffer: 1e8 })
  const trusted = CERTIFICATES === undefined ? [] : ["--change", "ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt"]
  await docker("import", ...trusted, await base(), "node:24-bookworm-slim")
  await docker("build", "--quiet", "--network", "host", "--tag", name, resolve("."))
}
