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
  readonly requests: ReadonlyArray<string>
}

export const npmRegistryWith = (...packages: ReadonlyArray<PackageText>): Effect.Effect<NpmRegistry, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(() => serving(new Map(packages.map((text) => [text.name, { text, tarball: tarballOf(text) }])))),
      ({ close }) => Effect.sync(close)
    ),
    ({ registry }) => registry
  )

interface Published {
  readonly text: PackageText
  readonly tarball: Buffer
}

const serving = (packages: ReadonlyMap<string, Published>) =>
  new Promise<{ readonly registry: NpmRegistry; readonly close: () => void }>((resolve) => {
    const requests: Array<string> = []
    const server = createServer((request, response) => {
      const path = decodeURIComponent(request.url ?? "/").slice(1)
      requests.push(path)
      const tarball = packages.get(path.replace(/^-\//u, "").replace(/\.tgz$/u, ""))
      if (path.endsWith(".tgz") && tarball !== undefined) return response.end(tarball.tarball)
      const published = packages.get(path)
      if (published === undefined) return response.writeHead(404).end("{}")
      response.setHeader("content-type", "application/json")
      response.end(JSON.stringify(documentOf(published, `http://${request.headers.host}`)))
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const integrityOf = (name: string) => integrity(packages.get(name)?.tarball ?? Buffer.alloc(0))
      resolve({
        registry: { url: `http://127.0.0.1:${port}/`, integrityOf, requests },
        close: () => {
          server.closeAllConnections()
          server.close()
        }
      })
    })
  })

const documentOf = ({ text: { name, version, manifest }, tarball }: Published, origin: string) => ({
  name,
  "dist-tags": { latest: version },
  versions: {
    [version]: {
      ...manifest,
      name,
      version,
      dist: { tarball: `${origin}/-/${name}.tgz`, integrity: integrity(tarball) }
    }
  }
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
