/**
 * Which package or address of an entry is taken, and what that means to the loader that fetches it. An entry says where code
 * comes from and what it is; it shapes nothing else: how a container or a process is fenced in stands in the manifest.
 */
import { Effect } from "effect"
import { Container, Egress, Loader } from "#plugin"
import type { Entry, Package, Taken } from "./Entry.ts"

/** The order in which they are taken where an entry has several. */
export const KINDS = ["npm", "pypi", "oci", "mcpb", "remote"] as const
export type Kind = typeof KINDS[number]

export interface Choosing {
  readonly source: string
  readonly kind: Kind | undefined
  /** Whether it may lead to this machine: it comes from a file, or from a registry that is here itself. */
  readonly isHome: boolean
}

const refused = (source: string, next: string, why: string) => new Loader.LoadFailed({ source, step: "choose a package", next, cause: new Error(why) })

export const chosen = Effect.fnUntraced(function*({ kind, source }: Choosing, { packages, remotes }: Entry) {
  const found = (kind === undefined ? KINDS : [kind]).flatMap((each): ReadonlyArray<Taken> =>
    each === "remote"
      ? (remotes ?? []).toSorted((a, b) => Number(a.type === "sse") - Number(b.type === "sse")).map((remote) => ({ remote }))
      : (packages ?? []).filter(({ registryType }) => registryType === each).toSorted((a, b) => speaksHttp(a) - speaksHttp(b)).map((one) => ({ package: one })))
  const [first] = found
  if (first !== undefined) return first
  const has = [...new Set([...(packages ?? []).map(({ registryType }) => registryType), ...((remotes ?? []).length > 0 ? ["remote"] : [])])]
  const what = has.length === 0 ? "nothing to run" : has.join(", ")
  return yield* refused(source, kind === undefined ? `of these ${KINDS.join(", ")} can be loaded` : "write another `package`, or none", `it has ${what}${kind === undefined ? "" : `, and no ${kind}`}`)
})

const speaksHttp = ({ transport }: Package) => Number(transport !== undefined && transport.type !== "stdio")

/** The loader of a package, and its keys. */
export interface Delegated {
  readonly type: "npm" | "pypi" | "docker" | "mcpb"
  readonly config: Readonly<Record<string, unknown>>
}

export const delegated = Effect.fnUntraced(function*({ isHome, source }: Choosing, one: Package): Effect.fn.Return<Delegated, Loader.LoadFailed> {
  const { fileSha256, identifier, registryBaseUrl, registryType, version } = one
  const odd = [registryBaseUrl, registryType === "mcpb" ? identifier : undefined].find((address) => address !== undefined && !isHome && leadsHome(address))
  if (odd !== undefined) return yield* refused(source, "do not use this entry", `it leads to ${odd}, and a registry elsewhere may not name what is here`)
  const missing = (what: string) => refused(source, "do not use this entry", `its ${registryType} package has no ${what}`)
  switch (registryType) {
    case "npm":
      if (version === undefined) return yield* missing("version")
      return { type: "npm", config: { package: identifier, version, ...(registryBaseUrl === undefined ? {} : { registry: registryBaseUrl }) } }
    case "pypi":
      if (version === undefined) return yield* missing("version")
      return { type: "pypi", config: { package: identifier, version, ...(registryBaseUrl === undefined ? {} : { index_url: indexOf(registryBaseUrl) }) } }
    case "oci":
      return { type: "docker", config: { image: imageFrom(one) } }
    default:
      if (fileSha256 === undefined) return yield* missing("fileSha256")
      return { type: "mcpb", config: { url: identifier, sha256: fileSha256 } }
  }
})

/** Plain http is for this machine alone, and so are its names. */
export const leadsHome = (address: string): boolean => {
  const url = URL.parse(address)
  return url === null || url.protocol !== "https:" || Egress.isLoopback(url.hostname)
}

/** Entries name the host of an index; what pip asks lies below it. */
const indexOf = (base: string) => /\/simple\/?$/u.test(base) ? base : `${base.replace(/\/+$/u, "")}/simple`

/** Older entries have the tag and the registry of an image apart from its name. */
const imageFrom = ({ identifier, registryBaseUrl, version }: Package): string => {
  const hasHost = /^[^/]*[.:][^/]*\//u.test(identifier) || identifier.startsWith("localhost/")
  const host = registryBaseUrl === undefined || hasHost ? undefined : URL.parse(registryBaseUrl)?.host
  const name = host === undefined || host === "docker.io" ? identifier : `${host}/${identifier}`
  const image = Container.imageOf(name)
  return image !== undefined && image.tag === undefined && image.digest === undefined && version !== undefined ? `${name}:${version}` : name
}
