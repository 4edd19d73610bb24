/** The client of a container engine, docker or podman: what it is asked before a container runs. */
import { Effect, Schema } from "effect"
import type { Image } from "../../lib/ImageName.ts"
import { run } from "../Builder.ts"
import { Host } from "../Host.ts"
import { LoadFailed } from "../Loader.ts"

export interface Engine {
  readonly command: "docker" | "podman"
  /** What is being loaded, for the message of a failure. */
  readonly source: string
}

const Found = Schema.fromJsonString(Schema.Struct({
  id: Schema.String,
  digests: Schema.NullOr(Schema.Array(Schema.String))
}))

/** One image's identity; the labels of an image are nobody's orders, and are not even read. */
const FORMAT = `{"id":{{json .Id}},"digests":{{json .RepoDigests}}}`

const asked = Effect.fnUntraced(function*({ command, source }: Engine, step: string, args: ReadonlyArray<string>) {
  const { engine, workspace } = yield* Host
  return yield* run({ source, step: `${command} ${step}`, command, args, directory: workspace, environment: engine, explain })
})

const explain = (output: string) => {
  if (/cannot connect|connection refused|is the docker daemon running|no such file or directory.*\.sock/iu.test(output)) {
    return { why: "the container engine does not answer", next: "start it, or name it in DOCKER_HOST" }
  }
  if (/no such image|image not known/iu.test(output)) return { why: "the engine has no such image" }
  if (/unauthorized|authentication required|access denied|denied:/iu.test(output)) {
    return { why: "the registry lets nobody have it", next: "check the name, or sign in with the engine and name its folder in DOCKER_CONFIG" }
  }
  return /manifest unknown|not found/iu.test(output) ? { why: "the registry has no such image", next: "check the name, the tag and the digest" } : {}
}

/** What the engine has under that name, if anything. */
const inspected = Effect.fnUntraced(function*(engine: Engine, reference: string) {
  const text = yield* asked(engine, "image inspect", ["image", "inspect", "--format", FORMAT, "--", reference])
  return yield* Schema.decodeEffect(Found)(text.trim()).pipe(
    Effect.mapError((cause) => new LoadFailed({ source: engine.source, step: `${engine.command} image inspect`, cause }))
  )
})

const pulled = Effect.fnUntraced(function*(engine: Engine, reference: string) {
  yield* Effect.logInfo(`pulling ${reference}`)
  yield* asked(engine, "pull", ["pull", "--quiet", "--", reference])
})

/**
 * The exact reference that a tag comes to now, by the digest of the registry; an image that was only built here,
 * which no registry knows, by the engine's own identity of it.
 */
export const exactly = Effect.fnUntraced(function*(engine: Engine, { name, tag = "latest" }: Image) {
  const reference = `${name}:${tag}`
  const missing = yield* Effect.flip(pulled(engine, reference)).pipe(Effect.option)
  const found = missing._tag === "None"
    ? yield* inspected(engine, reference)
    : yield* Effect.mapError(inspected(engine, reference), () => missing.value)
  if (missing._tag === "Some") yield* Effect.logWarning(`${reference} is taken as the engine has it: ${missing.value.message}`)
  const digest = (found.digests ?? []).toSorted().find((each) => each.startsWith(`${name}@`) || each.includes(`/${name}@`))
  return digest === undefined ? identity(found.id) : `${name}@${digest.slice(digest.indexOf("@") + 1)}`
})

const identity = (id: string) => id.startsWith("sha256:") ? id : `sha256:${id}`

/** The engine has it, or gets it from its registry. */
export const present = Effect.fnUntraced(function*(engine: Engine, reference: string) {
  const missing = yield* Effect.flip(inspected(engine, reference)).pipe(Effect.option)
  if (missing._tag === "None") return
  if (!reference.includes("@")) return yield* missing.value
  yield* pulled(engine, reference)
})
