/**
 * How a plugin is defined: the config a person writes, then the thing built from it.
 * `decode` closes over both, so that the host never handles a config apart from its `build`.
 */
import { Effect, type FileSystem, type Path, Predicate, Schema, type Scope } from "effect"
import type { HttpClient } from "effect/http"
import type { ChildProcessSpawner } from "effect/process"
import type { AuthStrategy, Server } from "./Auth.ts"
import type { Egress } from "./Egress.ts"
import { Host } from "./Host.ts"
import type { Keep } from "./Keep.ts"
import type { Loader } from "./Loader.ts"
import type { OwnTokens } from "./OwnTokens.ts"
import type { IdentityProvider } from "./Provider.ts"
import type { Signer } from "./Signer.ts"
import type { SignIns } from "./SignIns.ts"
import { type Problem, problemsOf, problemsOfEmpty } from "./Problem.ts"

export { Host, type Problem }

/** The closed list of services the host lends. */
export type Lent =
  | ChildProcessSpawner.ChildProcessSpawner
  | Egress
  | FileSystem.FileSystem
  | HttpClient.HttpClient
  | Host
  | OwnTokens
  | Path.Path

/** What a strategy is lent beside: it is built for one server. */
export type LentToAuth = Lent | Keep | Server | Signer | SignIns

export type LentTo<K extends Kind> = K extends "auth" ? LentToAuth : Lent

/** What a plugin of each kind builds. */
export interface Built<R = never> {
  readonly loader: Loader<R>
  readonly auth: AuthStrategy
  readonly provider: IdentityProvider
}

export type Kind = keyof Built

/** A decoded config and what it becomes. */
export interface Opened<K extends Kind> {
  readonly config: unknown
  readonly build: Effect.Effect<Built<Lent>[K], unknown, LentToAuth | Scope.Scope>
}

const TypeId = "~manifold/plugin/Plugin"

/** A plugin of either face, as the host holds it. */
export interface Plugin<K extends Kind = Kind> {
  readonly [TypeId]: 1
  readonly kind: K
  readonly name: string
  readonly summary: string
  readonly decode: (config: unknown) => Effect.Effect<Opened<K>, ReadonlyArray<Problem>>
}

export type AnyPlugin = { readonly [K in Kind]: Plugin<K> }[Kind]

/** A plugin of the Effect face: its config is a schema, and `build` can be called with a decoded one. */
export interface Defined<K extends Kind, S extends Schema.ConstraintDecoder<unknown>, A, E, R> extends Plugin<K> {
  readonly config: S
  readonly build: (config: S["Type"]) => Effect.Effect<A, E, R>
}

/** A plugin that comes with Manifold: its schema goes into the manual and the JSON Schema of the manifest. */
export type BuiltIn = AnyPlugin & { readonly config: Schema.Constraint }

export const isPlugin = (value: unknown): value is AnyPlugin => Predicate.hasProperty(value, TypeId)

/** Marks what the host may hold; the plain face uses it too. */
export const make = <K extends Kind>(plugin: Omit<Plugin<K>, typeof TypeId>): Plugin<K> => ({ [TypeId]: 1, ...plugin })

export const define = <
  K extends Kind,
  S extends Schema.ConstraintDecoder<unknown>,
  A extends Built<Lent>[K],
  E,
  R extends LentTo<K> | Scope.Scope
>(kind: K, { name, summary, config, build }: {
  readonly name: string
  readonly summary: string
  readonly config: S
  readonly build: (config: S["Type"]) => Effect.Effect<A, E, R>
}): Defined<K, S, A, E, R> => {
  const decodeConfig = Schema.decodeUnknownEffect(config, { errors: "all", onExcessProperty: "error" })

  const decode = Effect.fnUntraced(function*(input: unknown) {
    const problems = problemsOfEmpty(config.ast, input)
    if (problems.length > 0) return yield* Effect.fail(problems)
    const decoded = yield* Effect.mapError(decodeConfig(input), ({ issue }) => problemsOf(issue))
    return { config: decoded, build: Effect.suspend(() => build(decoded)) }
  })

  return { ...make({ kind, name, summary, decode }), config, build }
}
