/** The loaders that fetch what an entry names; each decodes its keys by its own schema, so no entry says what a manifest could not. */
import { Effect, Schema } from "effect"
import { Loader, Plugin } from "#plugin"
import docker from "../docker.ts"
import mcpb from "../mcpb.ts"
import npm from "../npm.ts"
import pypi from "../pypi.ts"
import type { Delegated } from "./Choose.ts"

export type Inner = Loader.Loader<Plugin.Lent>

/** @param config from an entry, and from `options` of the manifest */
export const built = <S extends Schema.ConstraintDecoder<unknown>>(
  source: string,
  { build, config: schema, name }: Plugin.Defined<"loader", S, Inner, never, Plugin.Lent>,
  config: unknown
): Effect.Effect<Inner, Loader.LoadFailed, Plugin.Lent> =>
  Schema.decodeUnknownEffect(schema, { errors: "all", onExcessProperty: "error" })(config).pipe(
    Effect.mapError((cause) => new Loader.LoadFailed({ source, step: `read it as type ${name}`, next: "correct `options`, or do not use this entry", cause })),
    Effect.flatMap(build)
  )

export const innerOf = (source: string, { config, type }: Delegated): Effect.Effect<Inner, Loader.LoadFailed, Plugin.Lent> => {
  switch (type) {
    case "npm":
      return built(source, npm, config)
    case "pypi":
      return built(source, pypi, config)
    case "docker":
      return built(source, docker, config)
    case "mcpb":
      return built(source, mcpb, config)
  }
}
