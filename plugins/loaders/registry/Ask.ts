/** Where an entry comes from: the API of a registry (v0.1), or a file beside the manifest. */
import { DateTime, Effect, FileSystem, Option, Path, Schema } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { Loader, Plugin, Policy } from "#plugin"
import { hashOf } from "../npm/Hash.ts"
import { Answer, Answers, Entry, officialOf } from "./Entry.ts"

export interface Described {
  readonly entry: Entry
  /** When the registry published it, as it says. */
  readonly published?: string | undefined
  /** The hash of the file that it stands in. */
  readonly file?: string
}

export interface Question {
  readonly source: string
  readonly registry: string
  readonly name: string
  readonly version: string | undefined
}

/** Most characters of an answer. */
const LONGEST = 4 * 1024 * 1024

const failed = ({ source }: Pick<Question, "source">, step: string, next: string) => (cause: unknown) => new Loader.LoadFailed({ source, step, next, cause })

export const described = Effect.fn("registry.described")(function*(question: Question): Effect.fn.Return<Described, Loader.LoadFailed, Plugin.Lent> {
  const { name, version = "latest" } = question
  const first = yield* asked(question, version, Answer)
  const most = yield* Policy.latest
  const answer = most === undefined || isOld(first, most) ? first : yield* older(question, first, most)
  const { publishedAt, status, statusMessage = "" } = officialOf(answer)
  const { server } = answer
  if (server.name !== name || (question.version !== undefined && server.version !== version)) {
    return yield* failed(question, "verify", "do not use this registry")(new Error(`it gave ${server.name}@${server.version}`))
  }
  if (status === "deleted") return yield* failed(question, "ask the registry", "take another server or version")(new Error(`it was deleted from the registry${said(statusMessage)}`))
  if (status === "deprecated") yield* Effect.logWarning(`${question.source} is deprecated${said(statusMessage)}`)
  if (most !== undefined && publishedAt === undefined) yield* Effect.logWarning(`${question.source}: the registry says no date, so its own age is not known`)
  return { entry: server, published: publishedAt }
})

const said = (message: string) => message === "" ? "" : `: ${message.slice(0, 300)}`

/** Of versions that are old enough the one that was published last. */
const older = Effect.fnUntraced(function*(question: Question, young: Answer, most: number) {
  const tooYoung = failed(question, "check its age", "wait, write an older version, or a shorter minimum_release_age")(
    new Error(`${young.server.version} was published at ${officialOf(young).publishedAt}, and minimum_release_age does not take it yet`)
  )
  if (question.version !== undefined) return yield* tooYoung
  const { servers } = yield* asked(question, undefined, Answers)
  const timeOf = (answer: Answer) => publishedTime(answer) ?? Infinity
  const [found] = servers.filter((each) => timeOf(each) <= most && officialOf(each).status !== "deleted").toSorted((a, b) => timeOf(b) - timeOf(a))
  return found ?? (yield* tooYoung)
})

const publishedTime = (answer: Answer): number | undefined => {
  const date = officialOf(answer).publishedAt
  return date === undefined ? undefined : Option.getOrUndefined(Option.map(DateTime.make(date), DateTime.toEpochMillis))
}

/** One without a date is taken. */
const isOld = (answer: Answer, most: number) => (publishedTime(answer) ?? -Infinity) <= most

/** @param version of one entry; of all of its entries without it */
const asked = Effect.fnUntraced(function*<S extends Schema.ConstraintDecoder<unknown>>(question: Question, version: string | undefined, shape: S) {
  const { name, registry } = question
  const client = yield* HttpClient.HttpClient
  const path = ["v0.1", "servers", name, "versions", ...(version === undefined ? [] : [version])].map(encodeURIComponent).join("/")
  const request = HttpClientRequest.get(`${registry.replace(/\/+$/u, "")}/${path}`).pipe(HttpClientRequest.setHeader("accept", "application/json"))
  const { status, text } = yield* client.execute(request).pipe(
    Effect.flatMap((response) => Effect.map(response.text, (text) => ({ status: response.status, text }))),
    // What a registry says is an entry, not another address.
    Effect.provideService(FetchHttpClient.RequestInit, { redirect: "error" }),
    Effect.timeout("30 seconds"),
    Effect.mapError(failed(question, "ask the registry", "check `registry` and the network"))
  )
  const refused = (why: string, next: string) => failed(question, "ask the registry", next)(new Error(why))
  if (status === 404) return yield* refused(`it has no ${name}${version === undefined || version === "latest" ? "" : ` of version ${version}`}`, "check `name` and `version`")
  if (status !== 200) return yield* refused(`it answered with ${status}`, "check `registry`, or try again later")
  if (text.length > LONGEST) return yield* refused("its answer is too long", "check `registry`")
  return yield* Schema.decodeUnknownEffect(Schema.fromJsonString(shape))(text).pipe(
    Effect.mapError(failed(question, "read the entry", "is `registry` the address of an MCP registry with the API v0.1?"))
  )
})

/** @param name what the entry has to be, where the manifest says; as is `version` */
export const inFile = Effect.fnUntraced(function*(source: string, written: string, { name, version }: { readonly name: string | undefined; readonly version: string | undefined }) {
  const text = yield* Effect.mapError(textOf(written), failed({ source }, "read the file", "check `file`"))
  const entry = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(Entry))(text).pipe(
    Effect.mapError(failed({ source }, "read the entry", "is it a server.json of 2025-09-29 or later?"))
  )
  const odd = name !== undefined && entry.name !== name ? entry.name : version !== undefined && entry.version !== version ? entry.version : undefined
  if (odd !== undefined) return yield* failed({ source }, "verify", "correct `name` and `version`, or the file")(new Error(`the file describes ${odd}`))
  return { entry, file: yield* hashOf({ text }) } satisfies Described
})

/** The hash of a file as it is now; nothing where it cannot be read. */
export const fileHash = (written: string) =>
  Effect.option(Effect.flatMap(textOf(written), (text) => hashOf({ text })))

const textOf = Effect.fnUntraced(function*(written: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { directory } = yield* Plugin.Host
  return yield* files.readFileString(path.resolve(directory, written))
})
