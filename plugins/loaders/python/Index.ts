/**
 * The wheels of a package as its index lists them. The hashes of all wheels of one version make a lock good on another
 * machine, which takes another of them; an index that does not show them is believed for the one that pip has chosen.
 */
import { Effect, Option, Schema } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { normal } from "./Names.ts"

/** PEP 691. */
const JSON_TYPE = "application/vnd.pypi.simple.v1+json"

const Page = Schema.fromJsonString(Schema.Struct({
  files: Schema.Array(Schema.Struct({
    filename: Schema.String,
    hashes: Schema.Record(Schema.String, Schema.String),
    /** PEP 700. */
    "upload-time": Schema.optionalKey(Schema.NullOr(Schema.String))
  }))
}))

/** PEP 503: the name of a file and its hash, in a link. */
const LINK = /<a\s[^>]*?href="(?:[^"#]*\/)?([^"#/]+\.whl)#sha256=([0-9a-f]{64})"/giu

export interface Wheel {
  readonly version: string
  /** `sha256:...`. */
  readonly hash: string
  /** When it was uploaded, where the index says. */
  readonly uploaded?: string | undefined
}

/** All wheels of a package that have a hash; none where the index does not answer. */
export const listed = Effect.fnUntraced(function*(index: string, name: string): Effect.fn.Return<ReadonlyArray<Wheel>, never, HttpClient.HttpClient> {
  const client = yield* HttpClient.HttpClient
  const request = HttpClientRequest.get(`${index.replace(/\/$/u, "")}/${name}/`).pipe(
    HttpClientRequest.setHeader("accept", `${JSON_TYPE}, text/html;q=0.5`)
  )
  const text = yield* client.execute(request).pipe(
    Effect.flatMap((response) => response.status === 200 ? response.text : Effect.succeed("")),
    Effect.timeout("30 seconds"),
    Effect.orElseSucceed(() => "")
  )
  return filesIn(text).flatMap(({ file, hash, uploaded }) => {
    const [dist = "", version] = file.split("-")
    return version !== undefined && file.endsWith(".whl") && normal(dist) === name ? [{ version, hash: `sha256:${hash}`, uploaded }] : []
  })
})

const filesIn = (text: string): ReadonlyArray<{ readonly file: string; readonly hash: string; readonly uploaded?: string | undefined }> => {
  const page = Schema.decodeUnknownOption(Page)(text)
  if (Option.isNone(page)) return [...text.matchAll(LINK)].map(([, file = "", hash = ""]) => ({ file: decodeURIComponent(file), hash: hash.toLowerCase() }))
  return page.value.files.flatMap(({ filename, hashes, "upload-time": uploaded }) => {
    const hash = hashes["sha256"]?.toLowerCase()
    return hash !== undefined && /^[0-9a-f]{64}$/u.test(hash) ? [{ file: filename, hash, uploaded: uploaded ?? undefined }] : []
  })
}

/** @param chosen the hash that has to be among them */
export const hashesIn = (all: ReadonlyArray<Wheel>, wheel: string, chosen: string): string => {
  const hashes = all.filter(({ version }) => version === wheel.split("==")[1]).map(({ hash }) => hash)
  return hashes.includes(chosen) ? [...new Set(hashes)].sort().join(" ") : chosen
}
