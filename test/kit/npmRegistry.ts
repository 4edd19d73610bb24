/** An npm registry on loopback with packages made for a test; it counts what it is asked for. */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Effect, type Scope } from "effect"

export interface PackageText {
  readonly name: string
  readonly version: string
  /** More of package.json. */
  readonly manifest?: Readonly<Record<string, unknown>>
  readonly files: Readonly<Record<string, string>>
}

export interface NpmRegistry {
  readonly url: string
  readonly integrityOf: (name: string) => string
  /** Another version of a package, from now on its latest. */
  readonly publish: (text: PackageText) => void
  readonly requests: ReadonlyArray<string>
}

export const npmRegistryWith = (...packages: ReadonlyArray<PackageText>): Effect.Effect<NpmRegistry, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(() => serving(packages)),
      ({ close }) => Effect.sync(close)
    ),
    ({ registry }) => registry
  )

interface Published {
  readonly text: PackageText
  readonly tarball: Buffer
}

const serving = (texts: ReadonlyArray<PackageText>) =>
  new Promise<{ readonly registry: NpmRegistry; readonly close: () => void }>((resolve) => {
    const requests: Array<string> = []
    const packages = new Map<string, Array<Published>>()
    const publish = (text: PackageText) => {
      packages.set(text.name, [...packages.get(text.name) ?? [], { text, tarball: tarballOf(text) }])
    }
    texts.forEach(publish)
    const server = createServer((request, response) => {
      const path = decodeURIComponent(request.url ?? "/").slice(1)
      requests.push(path)
      const [, named = "", version] = /^-\/(.+)@([^@]+)\.tgz$/u.exec(path) ?? []
      const tarball = packages.get(named)?.find(({ text }) => text.version === version)
      if (tarball !== undefined) return response.end(tarball.tarball)
      const published = packages.get(path)
      if (published === undefined) return response.writeHead(404).end("{}")
      response.setHeader("content-type", "application/json")
      response.end(JSON.stringify(documentOf(published, `http://${request.headers.host}`)))
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const integrityOf = (name: string) => integrity(packages.get(name)?.[0]?.tarball ?? Buffer.alloc(0))
      resolve({
        registry: { url: `http://127.0.0.1:${port}/`, integrityOf, publish, requests },
        close: () => {
          server.closeAllConnections()
          server.close()
        }
      })
    })
  })

const documentOf = (published: ReadonlyArray<Published>, origin: string) => ({
  name: published[0]?.text.name,
  "dist-tags": { latest: published.at(-1)?.text.version },
  versions: Object.fromEntries(published.map(({ tarball, text: { manifest, name, version } }) => [version, {
    ...manifest,
    name,
    version,
    dist: { tarball: `${origin}/-/${name}@${version}.tgz`, integrity: integrity(tarball) }
  }]))
})

const integrity = (bytes: Buffer) => `sha512-${createHash("sha512").update(bytes).digest("base64")}`

const tarballOf = ({ name, version, manifest, files }: PackageText) => {
  const folder = mkdtempSync(join(tmpdir(), "manifold-package-"))
  const all = { ...files, "package.json": JSON.stringify({ ...manifest, name, version }) }
  for (const [path, text] of Object.entries(all)) {
    const file = join(folder, "package", path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  execFileSync("tar", ["-czf", "package.tgz", "package"], { cwd: folder })
  const tarball = readFileSync(join(folder, "package.tgz"))
  rmSync(folder, { recursive: true })
  return tarball
}
