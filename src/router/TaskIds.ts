/**
 * The ids under which clients know tasks: each names its server, since nothing else in a request
 * about a task does, and is sealed for the principal that began it, so that nobody else can ask.
 */
import { Context, Effect, FileSystem, Layer, Option, Path, Schema } from "effect"
import { Base64Url } from "effect/encoding"

/** A task as its server knows it. */
export interface TaskRef {
  readonly server: string
  readonly id: string
  /** Which of its replicas, where there are some. */
  readonly replica?: number | undefined
}

const Ref = Schema.fromJsonString(Schema.Tuple([Schema.String, Schema.String, Schema.optionalKey(Schema.Int)]))
const refOf = ([server, id, replica]: typeof Ref.Type): TaskRef => replica === undefined ? { server, id } : { server, id, replica }
const decode = Schema.decodeUnknownOption(Ref)
const encode = Schema.encodeSync(Ref)

export class TaskIds extends Context.Service<TaskIds, {
  /** The public id of a task that belongs to `owner`. */
  readonly seal: (owner: string, task: TaskRef) => Effect.Effect<string>
  /** The task of a public id, if it is one of ours and belongs to `owner`. */
  readonly open: (owner: string, publicId: string) => Effect.Effect<TaskRef | undefined>
}>()("manifold/router/TaskIds") {
  /** With a key of this process alone: its ids end with it. */
  static readonly ephemeral = Layer.effect(TaskIds, Effect.suspend(() => Effect.map(keyFrom(freshKey()), withKey)))

  /** With a key that outlives the process, as tasks do; it lies in the data directory. */
  static readonly layer = (dataDirectory: string) =>
    Layer.effect(TaskIds, Effect.gen(function*() {
      const path = yield* Path.Path
      return withKey(yield* Effect.flatMap(storedKey(path.join(dataDirectory, "keys"), "tasks"), keyFrom))
    }))
}

const freshKey = () => crypto.getRandomValues(new Uint8Array(32))

const keyFrom = (bytes: Uint8Array<ArrayBuffer>) =>
  Effect.promise(() => crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]))

/** A key file that only its owner can read; made when it is not there or is no key. */
const storedKey = Effect.fnUntraced(function*(directory: string, name: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.join(directory, name)
  const kept = yield* Effect.option(files.readFile(file))
  if (Option.isSome(kept) && kept.value.length === 32) return new Uint8Array(kept.value)
  const key = freshKey()
  yield* files.makeDirectory(directory, { recursive: true, mode: 0o700 })
  yield* files.writeFile(file, key, { mode: 0o600 })
  return key
}, Effect.orDie)

type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>

const withKey = (key: Key): TaskIds["Service"] => {
  const text = (owner: string, body: string) => new TextEncoder().encode(JSON.stringify([owner, body]))

  const seal = (owner: string, { id, replica, server }: TaskRef) =>
    Effect.promise(async () => {
      const body = Base64Url.encode(encode(replica === undefined ? [server, id] : [server, id, replica]))
      const mac = await crypto.subtle.sign("HMAC", key, text(owner, body))
      return `${body}.${Base64Url.encode(new Uint8Array(mac))}`
    })

  const open = (owner: string, publicId: string) =>
    Effect.promise(async () => {
      const [body = "", mac = "", ...rest] = publicId.split(".")
      const said = Base64Url.decode(mac)
      const parts = Base64Url.decodeString(body)
      if (rest.length > 0 || said._tag === "Failure" || parts._tag === "Failure") return undefined
      if (!await crypto.subtle.verify("HMAC", key, new Uint8Array(said.success), text(owner, body))) return undefined
      const ref = decode(parts.success)
      return Option.isNone(ref) ? undefined : refOf(ref.value)
    })

  return TaskIds.of({ seal, open })
}
