/**
 * Runs a container image by its digest, with docker or podman. A tag is only a question; its answer goes into the
 * lock. The container sees no network, writes nowhere but to /tmp and is nobody, unless the manifest says otherwise.
 */
import { Effect, Schema } from "effect"
import { Container, Loader, Plugin } from "#plugin"

const DockerSource = Schema.Struct({
  image: Container.ImageName.annotate({ description: "The image, by digest; a tag is resolved once and kept in the lock" }),
  engine: Schema.optionalKey(Schema.Literals(["docker", "podman"]).annotate({ description: "The engine's command; docker when left out" })),
  network: Schema.optionalKey(Schema.Literals(["none", "bridge", "host"]).annotate({
    description: "What of the network it sees; none when left out, and config.port needs another"
  })),
  user: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^\d{1,9}(?::\d{1,9})?$/u, { expected: "a user id, or user and group, such as 65532:65532" })).annotate({
    description: "User and group ids it runs as; 65532, which is nobody's, when left out"
  })),
  volumes: Schema.optionalKey(Schema.Array(Container.Volume).annotate({
    description: "Folders and files it may see, from:to or from:to:rw, relative to the manifest; read-only unless rw is written"
  }))
})

export default Plugin.define("loader", {
  name: "docker",
  summary: "Runs a container image at one exact digest, with no network, no capabilities and a read-only system",
  config: DockerSource,
  build: Effect.fnUntraced(function*({ image: written, engine: command = "docker", network = "none", user = "65532", volumes = [] }) {
    const { engine: environment } = yield* Plugin.Host
    const image = Container.imageOf(written) ?? { name: written }
    const source = `docker ${written}`
    const engine: Container.Engine = { command, source }
    const failed = (step: string, next: string, why: string) => new Loader.LoadFailed({ source, step, next, cause: new Error(why) })
    const at = (reference: string): Loader.Resolved => ({ source: `docker ${reference}`, digest: `docker:${command}:${reference}`, pin: { image: reference } })
    const referenceOf = ({ pin = {} }: Loader.Resolved) => {
      const { image: pinned } = { image: "", ...pin }
      return Container.isExact(pinned) ? Effect.succeed(pinned) : failed("read the lock", "write it anew with manifold lock", "it names no image by digest")
    }

    return {
      resolve: image.digest === undefined
        ? Effect.map(Container.exactly(engine, image), at)
        : Effect.succeed(at(`${image.name}@${image.digest}`)),

      prepare: (resolved) => Effect.flatMap(referenceOf(resolved), (reference) => Container.present(engine, reference)),

      launch: Effect.fn("docker.launch")(function*(_, resolved, wanted) {
        const reference = yield* referenceOf(resolved)
        const misread = wanted.environment.find((name) => Container.OF_THE_CLIENT.test(name))
        if (misread !== undefined) return yield* failed("launch", "set it in the image", `config.environment has ${misread}, which the engine's client would follow`)
        if (wanted.workingDirectory !== undefined) return yield* failed("launch", "set it in the image", "config.working_directory is of this machine, and the server is in a container")
        if (wanted.port !== undefined && network === "none") return yield* failed("launch", "write network: bridge", "config.port leads nowhere without a network")
        // The engine may have lost it since it was prepared.
        yield* Container.present(engine, reference)
        const run = { image: reference, network, user, mounts: Container.mountArguments(yield* Container.volumesOf(source, volumes)), wanted }
        return {
          _tag: "Stdio",
          command,
          args: Container.runArguments(run),
          environment,
          after: { command, args: Container.removeArguments },
          detected: `a container of ${command}: network ${network}, user ${user}, read-only system`
        }
      })
    }
  })
})
