/**
 * The hashes of all wheels of one version: a lock that is written on one machine is good on another, which takes
 * another wheel of it. An index that does not show them is believed for the one that pip has chosen.
 */
import { Effect, Option, Schema } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { normal } from "./Names.ts"

/** PEP 691. */
const JSON_TYPE = "application/vnd.pypi.simple.v1+json"

const Page = Schema.fromJsonString(Schema.Struct({
  files: Schema.Array(Schema.Struct({ filename: Schema.String, hashes: Schema.Record(Schema.String, Schema.String) }))
}))

/** PEP 503: the name of a file and its hash, in a link. */
const LINK = /<a\s[^>]*?href="(?:[^"#]*\/)?([^"#/]+\.whl)#sha256=([0-9a-f]{64})"/giu

/** @param chosen the hash that has to be among them */
export const hashesOf = Effect.fnUntraced(function*(index: string, wheel: string, chosen: string) {
  const client = yield* HttpClient.HttpClient
  const [name = "", version = ""] = wheel.split("==")
  const request = HttpClientRequest.get(`${index.replace(/\/$/u, "")}/${name}/`).pipe(
    HttpClientRequest.setHeader("accept", `${JSON_TYPE}, text/html;q=0.5`)
  )
  const text = yield* client.execute(request).pipe(
    Effect.flatMap((response) => response.status === 200 ? response.text : Effect.succeed("")),
    Effect.timeout("30 seconds"),
    Effect.orElseSucceed(() => "")
  )
  const hashes = filesIn(text).filter(([file]) => isOf(file, name, version)).map(([, hash]) => `sha256:${hash}`)
  return hashes.includes(chosen) ? [...new Set(hashes)].sort().join(" ") : chosen
})

const filesIn = (text: string): ReadonlyArray<readonly [file: string, hash: string]> => {
  const page = Schema.decodeUnknownOption(Page)(text)
  if (Option.isNone(page)) return [...text.matchAll(LINK)].map(([, file = "", hash = ""]) => [decodeURIComponent(file), hash.toLowerCase()])
  return page.value.files.flatMap(({ filename, hashes }) => {
    const hash = hashes["sha256"]?.toLowerCase()
    return hash !== undefined && /^[0-9a-f]{64}$/u.test(hash) ? [[filename, hash] as const] : []
  })
}

const isOf = (file: string, name: string, version: string): boolean => {
  const [dist = "", its] = file.split("-")
  return file.endsWith(".whl") && normal(dist) === name && its === version
}
