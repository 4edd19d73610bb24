/**
 * Keeps who may call equal to what the manifest says. A provider that cannot be built changes
 * nothing; and an address that others can reach is never opened by leaving sign-in out.
 */
import { Effect, Equal, Exit, Schema, Scope } from "effect"
import type { Manifest } from "../manifest/Manifest.ts"
import { serverPath } from "../manifest/Hosting.ts"
import { OWN_PROVIDER } from "../manifest/SignInRules.ts"
import type { IdentityProvider } from "../plugin/Provider.ts"
import { Authentication, type FindKey, type OwnEndpoints, type Rules, type SignIn } from "./Authentication.ts"

/** A provider's part of the manifest, decoded. */
export interface ProviderPart<E> {
  readonly name: string
  readonly revision: string
  readonly config: unknown
  readonly build: Effect.Effect<IdentityProvider, E, Scope.Scope>
}

/** The manifest would let everybody in who reaches the address. */
export class Opened extends Schema.TaggedError<Opened>()("Opened", { host: Schema.String }) {
  override get message() {
    return `Without master_oauth and api_keys everybody who reaches ${this.host} could call: sign-in stays as it was until the next start`
  }
}

export interface Place {
  /** What clients write before a path. */
  readonly base: () => string
  /** The path of the endpoint that serves all servers. */
  readonly main: string
  /** The address that is listened on, where others can reach it. */
  readonly open: string | undefined
}

interface Signing<E> {
  readonly decode: (name: string, config: Readonly<Record<string, unknown>>) => Effect.Effect<ProviderPart<E>, E>
  readonly keys: FindKey
  readonly place: Place
  /** What checks the gateway's own tokens. */
  readonly own: () => SignIn["provider"]
}

interface Built {
  readonly part: ProviderPart<unknown>
  readonly provider: IdentityProvider
  readonly scope: Scope.Closeable
}

interface Said {
  readonly api_keys?: Manifest["api_keys"] | undefined
  readonly master_oauth?: Manifest["master_oauth"] | undefined
  readonly authorization_server?: Manifest["authorization_server"] | undefined
  /** Paths of the endpoints that take the gateway's own tokens and nothing else. */
  readonly own: ReadonlyArray<string>
  /** Whether client certificates let machines in. */
  readonly certificates: boolean
}

type Wording = Omit<Said, "certificates" | "own"> & {
  readonly servers?: Manifest["servers"] | undefined
  readonly hosting?: Pick<Manifest["hosting"], "tls"> | undefined
}

/** With `proxy_oauth` the client's own authorization is for the server's endpoint: no other token is one for it. */
const proxiedPaths = ({ servers = [] }: Wording): ReadonlyArray<string> =>
  servers.filter(({ auth_strategy, enabled }) => enabled && auth_strategy === "proxy_oauth").map(({ id }) => serverPath(id))

/** Who checks tokens; and who signs users in, where that is another one. */
interface Standing {
  readonly provider: Built | undefined
  readonly users: Built | undefined
}

const NOBODY: Standing = { provider: undefined, users: undefined }

/** Gives what takes a manifest's word on it into force; what it builds ends with the scope. */
export const signingIn = Effect.fnUntraced(function*<E>({ decode, keys, own, place }: Signing<E>) {
  const authentication = yield* Authentication
  const scope = yield* Effect.scope
  let standing = NOBODY
  let last: Said | undefined

  const ownEndpoints = (paths: ReadonlyArray<string>): OwnEndpoints | undefined => {
    if (paths.length === 0) return undefined
    const resource = (path: string) => `${place.base()}${path}`
    const signIn: SignIn = { provider: own(), requiredScopes: [], resource, audience: resource, speaksForOthers: true }
    return { isFor: (path) => paths.includes(path), signIn }
  }

  const builtFor = Effect.fnUntraced(function*(wanted: Wanted | undefined, built: Built | undefined) {
    if (wanted === undefined) return undefined
    const part = yield* decode(wanted.provider, wanted.config)
    if (built !== undefined && isSame(part, built.part)) return built
    const own = yield* Scope.fork(scope)
    const provider = yield* part.build.pipe(
      Scope.provide(own),
      Effect.onExit((exit) => Exit.isFailure(exit) ? Scope.close(own, exit) : Effect.void)
    )
    return { part, provider, scope: own }
  })

  const leave = (built: Built | undefined, next: Built | undefined) =>
    built === undefined || built === next ? Effect.void : Effect.forkIn(Scope.close(built.scope, Exit.void), scope)

  const standingFor = Effect.fnUntraced(function*({ authorization_server, master_oauth }: Said) {
    const provider = yield* builtFor(master_oauth, standing.provider)
    const isOwn = master_oauth?.provider === OWN_PROVIDER
    const users = yield* builtFor(isOwn ? authorization_server?.upstream : undefined, standing.users).pipe(
      Effect.tapError(() => leave(provider, standing.provider))
    )
    return { provider, users }
  })

  return Effect.fnUntraced(function*(manifest: Wording): Effect.fn.Return<void, E | Opened> {
    const { api_keys, authorization_server, master_oauth } = manifest
    const paths = proxiedPaths(manifest)
    const ownRules = ownEndpoints(paths)
    const before = standing
    const certificates = manifest.hosting?.tls?.client_ca !== undefined
    if (master_oauth === undefined && api_keys !== true && !certificates) {
      if (place.open !== undefined) return yield* new Opened({ host: place.open })
      standing = NOBODY
      last = undefined
      authentication.apply({ kind: "local", own: ownRules })
    } else {
      standing = yield* standingFor({ authorization_server, certificates, master_oauth, own: paths })
      const said = { api_keys, authorization_server, certificates, master_oauth, own: paths }
      // What was checked stays checked where nothing else is said.
      if (before.provider === standing.provider && before.users === standing.users && last !== undefined && Equal.equals(said, last)) return
      last = said
      authentication.apply({ ...rulesOf({ standing, keys: api_keys === true ? keys : undefined, master_oauth, place }), certificates, own: ownRules })
    }
    yield* leave(before.provider, standing.provider)
    yield* leave(before.users, standing.users)
  })
})

/** A provider as the manifest names it. */
interface Wanted {
  readonly provider: string
  readonly config: Readonly<Record<string, unknown>>
}

const isSame = (a: ProviderPart<unknown>, b: ProviderPart<unknown>): boolean =>
  a.name === b.name && a.revision === b.revision && Equal.equals(a.config, b.config)

const rulesOf = ({ keys, master_oauth, place, standing: { provider, users } }: {
  readonly standing: Standing
  readonly keys: FindKey | undefined
  readonly master_oauth: Said["master_oauth"]
  readonly place: Place
}): Rules & { readonly kind: "guarded" } => {
  const resource = (path: string) => `${place.base()}${path}`
  if (provider === undefined || master_oauth === undefined) return { kind: "guarded", keys, signIn: undefined }
  const { audience, required_scopes } = master_oauth
  return {
    kind: "guarded",
    keys,
    signIn: {
      provider: provider.provider,
      ...users !== undefined && { users: users.provider },
      requiredScopes: required_scopes,
      resource,
      // The endpoint of one server always wants its own address.
      audience: (path) => path === place.main ? audience ?? resource(path) : resource(path)
    }
  }
}
