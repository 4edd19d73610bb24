/** An npm registry on loopback with packages made for a test, which it signs with a key of its own; it counts what it is asked for. */
import { execFileSync } from "node:child_process"
import { createHash, createSign, generateKeyPairSync } from "node:crypto"
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
  /** When, as the registry says; where no version of a package has a date, it says none. */
  readonly published?: string
  /** `forged` is over another integrity, `stranger` by a key that the registry does not show. */
  readonly signature?: "good" | "forged" | "stranger" | "none"
  /** What is attested of it: `else` is of another package, `stranger` is signed by another key, `lost` cannot be had. */
  readonly attested?: "good" | "else" | "stranger" | "lost"
}

export interface NpmRegistry {
  readonly url: string
  /** The id of the key that it signs with. */
  readonly keyid: string
  /** When its key expires, from now on. */
  readonly expireKey: (date: string) => void
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
    const signer = signerOf()
    let expires: string | null = null
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
      response.setHeader("content-type", "application/json")
      if (path === "-/npm/v1/keys") return response.end(JSON.stringify({ keys: [{ ...signer.key, expires }] }))
      const origin = `http://${request.headers.host}`
      const [, attestedName = "", attestedVersion] = /^-\/npm\/v1\/attestations\/(.+)@([^@]+)$/u.exec(path) ?? []
      const attested = packages.get(attestedName)?.find(({ text }) => text.version === attestedVersion)
      if (attested !== undefined && attested.text.attested !== "lost") return response.end(JSON.stringify(attestationsOf(attested, signer)))
      const whole = packages.get(path)
      if (whole !== undefined) return response.end(JSON.stringify(documentOf(whole, origin, signer)))
      const slash = path.lastIndexOf("/")
      const one = packages.get(path.slice(0, slash))?.find(({ text }) => text.version === path.slice(slash + 1))
      if (one === undefined) return response.writeHead(404).end("{}")
      response.end(JSON.stringify(versionOf(one, origin, signer)))
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const integrityOf = (name: string) => integrity(packages.get(name)?.[0]?.tarball ?? Buffer.alloc(0))
      resolve({
        registry: { url: `http://127.0.0.1:${port}/`, keyid: signer.key.keyid, expireKey: (date) => void (expires = date), integrityOf, publish, requests },
        close: () => {
          server.closeAllConnections()
          server.close()
        }
      })
    })
  })

const documentOf = (published: ReadonlyArray<Published>, origin: string, signer: Signer) => {
  const time = Object.fromEntries(published.flatMap(({ text }) => text.published === undefined ? [] : [[text.version, text.published]]))
  return {
    name: published[0]?.text.name,
    "dist-tags": { latest: published.at(-1)?.text.version },
    versions: Object.fromEntries(published.map((each) => [each.text.version, versionOf(each, origin, signer)])),
    ...(Object.keys(time).length === 0 ? {} : { time })
  }
}

const versionOf = ({ tarball, text: { attested, manifest, name, signature = "good", version } }: Published, origin: string, signer: Signer) => {
  const signed = signer.sign(`${name}@${version}:${signature === "forged" ? integrity(Buffer.from("else")) : integrity(tarball)}`)
  const attestations = { url: `${origin}/-/npm/v1/attestations/${name}@${version}`, provenance: { predicateType: "https://slsa.dev/provenance/v1" } }
  return {
    ...manifest,
    name,
    version,
    dist: {
      tarball: `${origin}/-/${name}@${version}.tgz`,
      integrity: integrity(tarball),
      ...(signature === "none" ? {} : { signatures: [{ keyid: signature === "stranger" ? "SHA256:stranger" : signer.key.keyid, sig: signed }] }),
      ...(attested === undefined ? {} : { attestations })
    }
  }
}

/** As the public registry answers: its own statement that it published the package, and the builder's. */
const attestationsOf = ({ tarball, text: { attested, name, version } }: Published, signer: Signer) => {
  const sha512 = createHash("sha512").update(attested === "else" ? "else" : tarball).digest("hex")
  const envelope = (predicateType: string, predicate: object, keyid: string) => {
    const payload = JSON.stringify({ _type: "https://in-toto.io/Statement/v1", subject: [{ name: `pkg:npm/${name.replace("@", "%40")}@${version}`, digest: { sha512 } }], predicateType, predicate })
    const payloadType = "application/vnd.in-toto+json"
    const by = attested === "stranger" ? signerOf() : signer
    const sig = by.sign(`DSSEv1 ${payloadType.length} ${payloadType} ${Buffer.byteLength(payload)} ${payload}`)
    return { predicateType, bundle: { mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json", dsseEnvelope: { payload: Buffer.from(payload).toString("base64"), payloadType, signatures: [{ sig, keyid }] } } }
  }
  return {
    attestations: [
      envelope("https://github.com/npm/attestation/tree/main/specs/publish/v0.1", { name, version, registry: "https://registry.npmjs.org" }, signer.key.keyid),
      envelope("https://slsa.dev/provenance/v1", { buildDefinition: { externalParameters: { workflow: { repository: "https://github.com/owner/tool" } } } }, "")
    ]
  }
}

type Signer = ReturnType<typeof signerOf>

/** As the public registry does it: ECDSA on P-256, keys by the hash of what they are. */
const signerOf = () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  const spki = publicKey.export({ format: "der", type: "spki" })
  const keyid = `SHA256:${createHash("sha256").update(spki).digest("base64").replace(/=+$/u, "")}`
  return {
    key: { keyid, keytype: "ecdsa-sha2-nistp256", scheme: "ecdsa-sha2-nistp256", key: spki.toString("base64") },
    sign: (text: string) => createSign("SHA256").update(text).sign(privateKey, "base64")
  }
}

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
