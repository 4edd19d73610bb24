/** `manifold serve`: runs the gateway until it is told to stop, following the manifest as it changes. */
import { resolve } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { Console, Effect, Equal, Layer, Option, Stream } from "effect"
import { Command, Flag } from "effect/cli"
import { knowSecrets, layer, serve as serveGateway, serveOnStdio, type Serving } from "../Gateway.ts"
import { load, type Loaded } from "../manifest/Load.ts"
import { LOCK_NAME } from "../manifest/LockFile.ts"
import { sayProblem } from "../manifest/Problem.ts"
import { changes } from "../manifest/Watch.node.ts"
import { logs } from "../observe/Logs.node.ts"
import { Redactor } from "../observe/Redaction.ts"
import { Reconciler } from "../reconcile/Reconciler.ts"
import { BuiltIn } from "./BuiltIn.ts"
import { set } from "./Check.ts"
import { stop, unavailable, wrongConfiguration } from "./Stopped.ts"

const flags = {
  manifest: Flag.String("manifest").pipe(
    Flag.withAlias("m"),
    Flag.withMetavar("FILE"),
    Flag.withDescription("The manifest; repeat it to let later files override earlier ones"),
    Flag.atLeast(1)
  ),
  host: Flag.String("host").pipe(Flag.withDescription("Address to listen on, before hosting.host"), Flag.optional),
  port: Flag.Int("port").pipe(
    Flag.withAlias("p"),
    Flag.withDescription("Port to listen on, before hosting.port; 0 takes a free one"),
    Flag.optional
  ),
  set,
  frozen: Flag.Boolean("frozen").pipe(
    Flag.withDescription("Run nothing but what manifold.lock says; a server that it does not say, or says otherwise, does not run"),
    Flag.withDefault(false)
  ),
  watch: Flag.Boolean("watch").pipe(
    Flag.withDescription("Follow changes of the manifest; --no-watch does not"),
    Flag.withDefault(true)
  ),
  logFormat: Flag.Literals("log-format", ["auto", "json", "text"]).pipe(
    Flag.withDescription("How logs look on standard error; auto is text on a terminal, else JSON"),
    Flag.withDefault("auto" as const)
  )
}

export const serve = Command.make("serve", flags, Effect.fnUntraced(function*(input) {
  const given = [
    ...input.set,
    ...Option.toArray(input.host).map((host) => `hosting.host=${host}`),
    ...Option.toArray(input.port).map((port) => `hosting.port=${port}`)
  ]
  const sources = { files: input.manifest, environment: process.env, set: given }
  const redactor = new Redactor()
  const loaded = yield* load(sources).pipe(
    Effect.catchTag("ManifestInvalid", ({ message }) => stop(wrongConfiguration, message))
  )
  knowSecrets(redactor, loaded)

  const run = Effect.gen(function*() {
    const { address, apply } = yield* serveGateway(loaded)
    const { stdio } = loaded.manifest.hosting.transports
    // With a client on standard output, that is the client's alone.
    yield* stdio ? Effect.logInfo(`listening on ${address}`) : Console.log(`listening on ${address}`)
    if (input.watch) yield* follow(loaded, { reload: load(sources), redactor, apply })
    return yield* stdio ? serveOnStdio : Effect.never
  })
  const builtIn = yield* BuiltIn
  return yield* Effect.scoped(run).pipe(
    Effect.catchTags({
      LockRefused: ({ message }) => stop(wrongConfiguration, message),
      ListenFailed: ({ message }) => stop(unavailable, message),
      BuildFailed: ({ message }) => stop(wrongConfiguration, message),
      ConfigRefused: ({ message }) => stop(wrongConfiguration, message),
      Opened: ({ message }) => stop(wrongConfiguration, message),
      UnknownPlugin: ({ message }) => stop(wrongConfiguration, message),
      StoreFailed: ({ message }) => stop(wrongConfiguration, message),
      VaultKeyRefused: ({ message }) => stop(wrongConfiguration, message)
    }),
    Effect.provide(Layer.provideMerge(layer({ loaded, builtIn, redactor, frozen: input.frozen }), logs(redactor, input.logFormat)))
  )
})).pipe(
  Command.withDescription("Run the gateway that a manifest describes"),
  Command.withExamples([
    { command: "manifold serve --manifest manifests/gateway.yaml", description: "Serve at the manifest's port" },
    { command: "manifold serve -m base.yaml -m prod.yaml --port 0", description: "Two files, on a free port" }
  ])
)

/** Takes each new form of the manifest into force; one that is wrong changes nothing and says why. */
const follow = Effect.fnUntraced(function*(
  first: Loaded,
  { apply: takeIn, redactor, reload }: {
    readonly reload: ReturnType<typeof load>
    readonly redactor: Redactor
    readonly apply: Serving["apply"]
  }
) {
  const reconciler = yield* Reconciler
  let said = ""
  let watched = watchedFiles(first)

  const apply = Effect.fnUntraced(function*(next: Loaded) {
    const before = reconciler.manifest()
    knowSecrets(redactor, next)
    const changes = yield* takeIn(next.manifest).pipe(Effect.catch((failure) => {
      const why = `Who may call stays as it was: ${failure.message}`
      return Effect.as(Effect.andThen(reconciler.reject([why]), Effect.logError(why)), [])
    }))
    said = ""
    const done = changes.filter(({ action }) => action !== "keep").map(({ action, id, why }) => `${action} ${id} (${why.join(", ")})`)
    if (done.length > 0) yield* Effect.logInfo(`The manifest changed: ${done.join("; ")}`)
    if (before !== undefined && !Equal.equals(before.hosting, next.manifest.hosting)) {
      yield* Effect.logWarning("Changes of hosting come into force at the next start")
    }
    return watchedFiles(next)
  })

  /** Says whether there are other files to watch from now on. */
  const look = Effect.flatMap(reload, apply).pipe(
    Effect.catchTag("ManifestInvalid", ({ message, problems }) => {
      if (message === said) return Effect.succeed(watched)
      said = message
      return Effect.as(
        Effect.andThen(
          reconciler.reject(problems.map(sayProblem)),
          Effect.logError(`The changed manifest is not in force, the last good one stays: ${message}`)
        ),
        watched
      )
    }),
    // A defect must not end the watching: the next change may be read again.
    Effect.catchDefect((cause) => Effect.as(Effect.logError("The manifest could not be looked at", cause), watched)),
    Effect.map((files) => {
      const isOther = !Equal.equals(files, watched)
      watched = files
      return isOther
    })
  )
  yield* Effect.suspend(() => Stream.runDrain(Stream.takeUntilEffect(changes(watched), () => look))).pipe(
    Effect.forever,
    Effect.provide(NodeServices.layer),
    Effect.forkScoped
  )
})

/** The manifest's files with their lock file, and those of plugins that are files. */
const watchedFiles = ({ directory, files, manifest }: Loaded): ReadonlyArray<string> => [
  ...files,
  resolve(directory, LOCK_NAME),
  ...manifest.plugins.filter(({ use }) => use.startsWith(".") || use.startsWith("/")).map(({ use }) => resolve(directory, use))
]
