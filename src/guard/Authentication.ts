/**
 * Says who calls. Every branch ends in a principal or a refusal: a credential that is not understood,
 * not checked or not for us lets nobody in. What was checked is believed for a moment, by its hash.
 */
import { Clock, Context, Deferred, Effect, Exit, Layer } from "effect"
import type { Principal } from "../plugin/Auth.ts"
import type { Identity, IdentityProvider } from "../plugin/Provider.ts"
import { SubjectToken } from "../plugin/SubjectToken.ts"
import type { Credentials, Presented } from "./Credentials.ts"
import { Failures } from "./Failures.ts"
import { machines } from "./Machines.ts"
import { Unauthenticated } from "./Unauthenticated.ts"

/** Without sign-in, whoever reaches the loopback address is one local user. */
export const LOCAL: Principal = { issuer: "local", subject: "local" }

/** Who may sign in, and for what. */
export interface SignIn {
  readonly provider: Pick<IdentityProvider, "believedFor" | "browser" | "issuer" | "metadata" | "validate">
  /** Who signs users in, where that is not who gives the tokens: the upstream of a gateway that is its own authorization server. */
  readonly users?: Pick<IdentityProvider, "browser" | "issuer" | "metadata">
  /** The canonical URI of the endpoint at a path (RFC 8707). */
  readonly resource: (path: string) => string
  /** What a token has to be for there: the resource, where the manifest does not say otherwise. */
  readonly audience: (path: string) => string
  readonly requiredScopes: ReadonlyArray<string>
  /** Whether its tokens may stand for users of other issuers: only those do that the gateway gave out itself. */
  readonly speaksForOthers?: true
}

/** Endpoints that take the gateway's own tokens and nothing else, whoever may call the others. */
export interface OwnEndpoints {
  readonly isFor: (path: string) => boolean
  readonly signIn: SignIn
}

/** Finds the principal of a key that the gateway made. */
export type FindKey = (presented: Presented) => Effect.Effect<Principal | undefined, Unauthenticated>

export type Rules = { readonly own?: OwnEndpoints | undefined } & (
  /** The manifest says nothing of sign-in, and the address is loopback. */
  | { readonly kind: "local" }
  | {
    readonly kind: "guarded"
    readonly signIn: SignIn | undefined
    readonly keys: FindKey | undefined
    /** Whether client certificates let machines in. */
    readonly certificates?: boolean
  }
)

/** The rules of the endpoint at a path. */
const rulesAt = (rules: Rules | undefined, path: string): Rules | undefined =>
  rules?.own?.isFor(path) === true ? { kind: "guarded", keys: undefined, signIn: rules.own.signIn } : rules

interface Believed {
  readonly principal: Principal
  /** Milliseconds since 1970. */
  readonly until: number
}

/** Most credentials that are remembered as checked. */
const REMEMBERED = 10_000

/** How long, in milliseconds, a key is believed; one that is revoked is refused after it. */
const KEY_BELIEVED = 5000

export class Authentication extends Context.Service<Authentication, {
  /** Nobody is let in before it is called the first time. */
  readonly apply: (rules: Rules) => void
  readonly rules: () => Rules | undefined
  /** How users sign in for the endpoint at this path; nothing where they do not. */
  readonly signInAt: (path: string) => SignIn | undefined
  /** Whether a request for this path needs no credential at all. */
  readonly isOpen: (path: string) => boolean
  /** The principal of a credential that was checked a moment ago, for the endpoint at this path. */
  readonly known: (credentials: Credentials, path: string) => Principal | undefined
  readonly check: (credentials: Credentials, path: string) => Effect.Effect<Principal, Unauthenticated>
}>()("manifold/guard/Authentication") {
  static readonly layer = Layer.effect(Authentication, Effect.gen(function*() {
    const clock = yield* Clock.Clock
    let rules: Rules | undefined
    let believed = new Map<string, Believed>()
    const machine = machines()
    let asking = new Map<string, Deferred.Deferred<Principal, Unauthenticated>>()
    const failures = new Failures()

    const apply = (next: Rules) => {
      rules = next
      // What was checked under other rules is checked again.
      believed = new Map()
      asking = new Map()
    }

    const known = (credentials: Credentials, path: string): Principal | undefined => {
      if (credentials.kind === "certificate") return takesMachines(rulesAt(rules, path)) ? machine(credentials) : undefined
      if (credentials.kind === "none" || credentials.kind === "malformed") return undefined
      const place = placeOf(credentials, path)
      const entry = believed.get(place)
      if (entry === undefined) return undefined
      if (entry.until > clock.currentTimeMillisUnsafe()) return entry.principal
      believed.delete(place)
      return undefined
    }

    const remember = (memory: typeof believed, place: string, entry: Believed) => {
      for (const oldest of memory.keys()) {
        if (memory.size < REMEMBERED) break
        memory.delete(oldest)
      }
      memory.set(place, entry)
    }

    /** Many requests with one new credential are one question. */
    const once = (place: string, ask: Effect.Effect<Believed, Unauthenticated>) =>
      Effect.suspend(() => {
        const running = asking.get(place)
        if (running !== undefined) return Deferred.await(running)
        const answer = Deferred.makeUnsafe<Principal, Unauthenticated>()
        const [memory, questions] = [believed, asking]
        questions.set(place, answer)
        return ask.pipe(
          Effect.tap((entry) => Effect.sync(() => remember(memory, place, entry))),
          Effect.map(({ principal }) => principal),
          Effect.onExit((exit) =>
            Effect.sync(() => {
              questions.delete(place)
              Deferred.doneUnsafe(answer, Exit.isFailure(exit) && Exit.hasInterrupts(exit) ? Exit.fail(unavailable) : exit)
            }))
        )
      })

    const check = Effect.fnUntraced(function*(credentials: Credentials, path: string): Effect.fn.Return<Principal, Unauthenticated> {
      const current = rulesAt(rules, path)
      if (current === undefined) return yield* new Unauthenticated({ status: 503, why: "The gateway is starting", scopes: [], retryAfter: 1 })
      if (current.kind === "local") return LOCAL
      const scopes = current.signIn?.requiredScopes ?? []
      const refused = (why: string, error?: "invalid_request" | "invalid_token") =>
        new Unauthenticated({ status: error === "invalid_request" ? 400 : 401, why, scopes, ...(error === undefined ? {} : { error }) })
      if (credentials.kind === "none") return yield* refused("Sign in first: this endpoint wants a Bearer token or an API key")
      if (credentials.kind === "certificate") {
        return takesMachines(current) ? machine(credentials) : yield* refused("Sign in first: a client certificate is not enough for this endpoint")
      }
      const now = yield* Clock.currentTimeMillis
      const wait = failures.waitOf(credentials.from, now)
      if (wait > 0) return yield* new Unauthenticated({ status: 429, why: "Too many credentials were refused; try again later", scopes, retryAfter: wait })
      const outcome = credentials.kind === "malformed"
        ? refused(credentials.why, "invalid_request")
        : once(
          placeOf(credentials, path),
          credentials.kind === "key" ? byKey(current, credentials, refused) : byToken(current, credentials, { path, refused })
        )
      return yield* Effect.tapError(outcome, ({ status }) =>
        Effect.sync(() => status === 400 || status === 401 ? failures.count(credentials.from, now) : undefined))
    })

    const signInAt = (path: string) => {
      const current = rulesAt(rules, path)
      return current?.kind === "guarded" ? current.signIn : undefined
    }

    return Authentication.of({ apply, rules: () => rules, signInAt, isOpen: (path) => rulesAt(rules, path)?.kind === "local", known, check })
  }))
}

/** What was checked for one endpoint says nothing of another: a token is for one audience. */
const placeOf = ({ hash }: Presented, path: string): string => `${hash} ${path}`

/** Nobody can say now whether a credential is good: not the caller's fault, and no reason to let anybody in. */
export const unavailable = new Unauthenticated({ status: 503, why: "The credential could not be checked; try again", scopes: [], retryAfter: 1 })

const takesMachines = (rules: Rules | undefined): boolean => rules?.kind === "guarded" && rules.certificates === true

type Guarded = Rules & { readonly kind: "guarded" }
type Refuse = (why: string, error: "invalid_token") => Unauthenticated

const byKey = Effect.fnUntraced(function*({ keys }: Guarded, presented: Presented, refused: Refuse): Effect.fn.Return<Believed, Unauthenticated> {
  const principal = keys === undefined ? undefined : yield* keys(presented)
  if (principal === undefined) return yield* refused("The API key is not known, has expired or was revoked", "invalid_token")
  const until = (yield* Clock.currentTimeMillis) + KEY_BELIEVED
  return { principal, until: principal.expires === undefined ? until : Math.min(principal.expires * 1000, until) }
})

const byToken = Effect.fnUntraced(function*(
  { signIn }: Guarded,
  presented: Presented,
  { path, refused }: { readonly path: string; readonly refused: Refuse }
): Effect.fn.Return<Believed, Unauthenticated> {
  if (signIn === undefined) return yield* refused("This endpoint takes API keys only", "invalid_token")
  const { provider, requiredScopes, speaksForOthers } = signIn
  const identity = yield* provider.validate(presented.secret, signIn.audience(path)).pipe(
    Effect.catchTags({
      TokenRefused: (refusal) => Effect.andThen(Effect.logInfo(refusal.message), Effect.fail(refused("The token is not valid here", "invalid_token"))),
      ProviderUnavailable: (failure) => Effect.andThen(Effect.logWarning(failure.message), Effect.fail(unavailable))
    })
  )
  // A provider of a third party cannot widen what its tokens are good for.
  const isItsOwn = identity.issuer === provider.issuer || speaksForOthers === true
  if (!isItsOwn || identity.subject === "") return yield* refused("The token is not valid here", "invalid_token")
  const missing = requiredScopes.filter((scope) => !identity.scopes.includes(scope))
  if (missing.length > 0) {
    return yield* new Unauthenticated({ status: 403, error: "insufficient_scope", why: "The token does not have every scope that is needed", scopes: requiredScopes })
  }
  const until = Math.min(identity.expires * 1000, (yield* Clock.currentTimeMillis) + provider.believedFor)
  return { principal: principalOf(identity, presented), until }
})

const principalOf = ({ claims, clientId, expires, issuer, scopes, subject }: Identity, { hash, secret }: Presented): Principal => ({
  issuer,
  subject,
  scopes,
  claims,
  expires,
  subjectToken: new SubjectToken({ issuer, hash, secret }),
  ...(clientId === undefined ? {} : { clientId })
})
