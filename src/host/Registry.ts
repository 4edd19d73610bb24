/**
 * All plugins there are, built-in and third-party, in one immutable table.
 *
 * A config is decoded to a `Part` that carries its own `build`: a plugin swapped in between
 * never gets a config of the other one. What a swap could not load keeps its last good version.
 */
import { Context, Effect, Layer, Schema, type Scope, Semaphore } from "effect"
import { Auth, Keep, Plugin, Signer, SignIns } from "#plugin"
import { nearest } from "../manifest/Nearest.ts"
import { lendTo } from "./Lend.ts"
import { changesBetween, type Loaded, type PluginName, type Table, tableOf } from "./Table.ts"
import { type PluginEntry, PluginRefused, ThirdParty } from "./ThirdParty.ts"

export class UnknownPlugin extends Schema.TaggedError<UnknownPlugin>()("UnknownPlugin", {
  kind: Schema.String,
  name: Schema.String,
  nearest: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    const hint = this.nearest === undefined ? "" : `, did you mean "${this.nearest}"?`
    return `There is no ${this.kind} plugin "${this.name}"${hint}`
  }
}

/** Every mistake in a plugin's part of the manifest; the paths start at that part. */
export class ConfigRefused extends Schema.TaggedError<ConfigRefused>()("ConfigRefused", {
  kind: Schema.String,
  name: Schema.String,
  problems: Schema.Array(Schema.declare((_: unknown): _ is Plugin.Problem => true))
}) {
  override get message() {
    const lines = this.problems.map(({ path, message }) => `${path.join(".") || this.name}: ${message}`)
    return `The config of ${this.kind} plugin "${this.name}" is wrong: ${lines.join("; ")}`
  }
}

export class BuildFailed extends Schema.TaggedError<BuildFailed>()("BuildFailed", {
  kind: Schema.String,
  name: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `The ${this.kind} plugin "${this.name}" failed: ${this.cause instanceof Error ? this.cause.message : this.cause}`
  }
}

/** One plugin's part of the manifest, decoded. Two parts mean the same when all but `build` is equal. */
export interface Part<K extends Plugin.Kind> {
  readonly kind: K
  readonly name: string
  readonly revision: string
  readonly config: unknown
  readonly build: Effect.Effect<Plugin.Built[K], BuildFailed, Scope.Scope>
}

type Own = Exclude<Plugin.LentToAuth, Plugin.Lent>

/** For strategies that are built for no server, as contracts are tried. */
const NOWHERE: Context.Context<Own> = Context.make(Auth.Server, { id: "nowhere", returnAddress: () => "", clientAddress: () => "" }).pipe(
  Context.add(Keep.Keep, Keep.nowhere),
  Context.add(SignIns.SignIns, SignIns.nobody),
  Context.add(Signer.Signer, Signer.nobody)
)

export interface Replaced {
  /** Plugins that are new, changed or gone: what uses them must be decoded again. */
  readonly changed: ReadonlyArray<PluginName>
  readonly refused: ReadonlyArray<PluginRefused>
}

export class Registry extends Context.Service<Registry, {
  /** @param own what an auth strategy is lent for its server */
  readonly decode: <K extends Plugin.Kind>(
    kind: K,
    name: string,
    config: unknown,
    own?: Context.Context<Own>
  ) => Effect.Effect<Part<K>, UnknownPlugin | ConfigRefused>
  /** Changes when the plugin's code does; nothing for a plugin that is not there. */
  readonly revisionOf: (kind: Plugin.Kind, name: string) => string | undefined
  readonly namesOf: (kind: Plugin.Kind) => ReadonlyArray<string>
  /** Makes the third-party plugins be exactly these; each fails alone. */
  readonly replaceThirdParty: (entries: ReadonlyArray<PluginEntry>) => Effect.Effect<Replaced>
}>()("manifold/host/Registry") {
  static readonly layer = (builtIn: ReadonlyArray<Plugin.AnyPlugin>) =>
    Layer.effect(Registry, Effect.gen(function*() {
      const lent = yield* Effect.context<Plugin.Lent>()
      const thirdParty = yield* ThirdParty
      const lock = Semaphore.makeUnsafe(1)
      const own: Loaded = { use: "built-in", revision: "built-in", plugins: builtIn }
      let loaded: ReadonlyMap<string, Loaded> = new Map()
      let table: Table = tableOf([own]).table

      const unknown = (kind: Plugin.Kind, name: string) => {
        const close = nearest(name, [...table[kind].keys()])
        return new UnknownPlugin({ kind, name, ...close !== undefined && { nearest: close } })
      }

      const decode = Effect.fnUntraced(function*<K extends Plugin.Kind>(kind: K, name: string, config: unknown, own: Context.Context<Own> = NOWHERE) {
        const held = table[kind].get(name)
        if (held === undefined) return yield* unknown(kind, name)
        const opened = yield* Effect.suspend(() => held.plugin.decode(config)).pipe(
          Effect.catchDefect((cause) => Effect.fail([{ path: [], message: `the plugin's schema failed: ${cause}` }])),
          Effect.mapError((problems) => new ConfigRefused({ kind, name, problems }))
        )
        const build = opened.build.pipe(
          Effect.map((built) => lendTo[kind](name, built, lent)),
          Effect.catchDefect((cause) => Effect.fail(cause)),
          Effect.mapError((cause) => new BuildFailed({ kind, name, cause })),
          Effect.provideContext(Context.merge(lent, own))
        )
        return { kind, name, revision: held.revision, config: opened.config, build }
      })

      const npm = Effect.fnUntraced(function*(config: unknown) {
        const part = yield* decode("loader", "npm", config)
        return yield* part.build
      })

      const load = Effect.fnUntraced(function*(entry: PluginEntry) {
        const last = loaded.get(entry.use)
        const found = yield* thirdParty.find(entry, npm)
        if (found.revision === last?.revision) return last
        return { use: entry.use, revision: found.revision, plugins: yield* found.plugins }
      }, (effect, entry) =>
        Effect.match(effect, {
          onSuccess: (fresh) => ({ now: fresh, refused: undefined }),
          onFailure: (refused) => ({ now: loaded.get(entry.use), refused })
        }))

      const replaceThirdParty = Effect.fn("Registry.replaceThirdParty")(function*(entries: ReadonlyArray<PluginEntry>) {
        const outcomes = yield* Effect.forEach(entries, load, { concurrency: 4 })
        const wanted = outcomes.flatMap(({ now }) => now === undefined ? [] : [now])
        const next = tableOf([own, ...wanted])
        const changed = changesBetween(table, next.table)
        loaded = new Map(wanted.map((each) => [each.use, each]))
        table = next.table
        const conflicts = next.conflicts.map(({ use, reason }) => new PluginRefused({ use, reason }))
        return { changed, refused: [...outcomes.flatMap(({ refused }) => refused ?? []), ...conflicts] }
      }, lock.withPermit)

      return Registry.of({
        decode,
        revisionOf: (kind, name) => table[kind].get(name)?.revision,
        namesOf: (kind) => [...table[kind].keys()],
        replaceThirdParty
      })
    }))
}
