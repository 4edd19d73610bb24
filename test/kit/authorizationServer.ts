/**
 * A real authorization server (oidc-provider) on loopback, and grants at it as real clients make them.
 * Its clients, users and keys are its own; anybody signs in with any password.
 */
import { createHash, randomBytes } from "node:crypto"
import { Effect, type Scope } from "effect"
import { exportJWK, generateKeyPair, type JWK } from "jose"
import { Provider } from "oidc-provider"
import { configurationOf, EXCHANGE, exchangeAt, type Options, takesAssertionsOf } from "./authorizationServer.config.ts"
import { signedIn } from "./browser.ts"
import { type Handler, type Loopback, loopback } from "./loopback.ts"

export type { Options }

/** The clients that are registered. */
export const CLIENTS = {
  /** A machine: client credentials and token exchange. */
  service: { id: "svc", secret: "svc-secret" },
  /** The resource server, which asks about tokens. */
  resource: { id: "rs", secret: "rs-secret" },
  /** A web application with a secret, which users sign in to. */
  web: { id: "web", secret: "web-secret", returnAddress: "http://127.0.0.1:18999/callback" }
} as const

export interface Granted {
  readonly access_token: string
  readonly refresh_token?: string
  readonly id_token?: string
  readonly expires_in?: number
  readonly scope?: string
  readonly error?: string
}

export interface Wanted {
  /** The resource the token is for (RFC 8707). */
  readonly audience: string
  readonly scopes?: ReadonlyArray<string>
}

export interface AuthorizationServer extends Loopback {
  readonly issuer: string
  /** Seconds that access tokens live from now on, whether they are JWTs, and what the token endpoint waits for. */
  readonly settings: { life: number; format: "jwt" | "opaque"; after?: Promise<void> }
  /** By the authorization code grant with PKCE: the user signs in and agrees. Has a refresh token. */
  readonly forUser: (user: string, wanted: Wanted) => Effect.Effect<Granted>
  /** By client credentials. */
  readonly forService: (wanted: Wanted) => Effect.Effect<Granted>
  /** By token exchange (RFC 8693): the token of a user becomes one for another resource. */
  readonly exchanged: (subjectToken: string, wanted: Wanted) => Effect.Effect<Granted>
  readonly revoke: (token: string) => Effect.Effect<void>
  /** New tokens are signed by a new key; the old one is published on, or withdrawn. */
  readonly rotateKeys: (old: "keep" | "withdraw") => Effect.Effect<void>
  readonly introspections: () => number
}

type Form = Readonly<Record<string, string>>

export const authorizationServer = (options: Options = {}): Effect.Effect<AuthorizationServer, never, Scope.Scope> =>
  Effect.gen(function*() {
    const settings: AuthorizationServer["settings"] = { life: 300, format: "jwt" }
    let keys: ReadonlyArray<JWK> = [yield* Effect.promise(() => newKey(1))]
    let handler: Handler = () => {}
    const server = yield* loopback(() => (request, response) => handler(request, response))
    const issuer = server.origin

    const restart = () => {
      const provider = quietly(() => new Provider(issuer, configurationOf({ keys, settings, options })))
      exchangeAt(provider, () => keys, settings)
      if (options.trusts !== undefined) takesAssertionsOf(provider, options.trusts, settings)
      const answers: Handler = provider.callback()
      handler = async (request, response) => {
        if (request.url === "/token") await settings.after
        answers(request, response)
      }
    }
    restart()

    const post = (path: string, form: Form, { id, secret }: { readonly id: string; readonly secret: string }) =>
      Effect.promise(async () => {
        const response = await fetch(issuer + path, {
          method: "POST",
          body: new URLSearchParams(form),
          headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}` }
        })
        const text = await response.text()
        return text === "" ? {} : JSON.parse(text)
      })

    return {
      ...server,
      issuer,
      settings,
      forUser: (user, wanted) => codeGrant(issuer, user, wanted, (form) => post("/token", form, CLIENTS.web)),
      forService: (wanted) => post("/token", { grant_type: "client_credentials", ...formFor(wanted) }, CLIENTS.service),
      exchanged: (subject_token, wanted) =>
        post("/token", { grant_type: EXCHANGE, subject_token, subject_token_type: ACCESS, ...formFor(wanted) }, CLIENTS.service),
      revoke: (token) => Effect.asVoid(post("/token/revocation", { token }, CLIENTS.web)),
      rotateKeys: (old) => Effect.promise(async () => {
        keys = [await newKey(keys.length + 1), ...(old === "keep" ? keys : [])]
        restart()
      }),
      introspections: () => server.count("POST /token/introspection")
    }
  })

const ACCESS = "urn:ietf:params:oauth:token-type:access_token"

/** It warns that its store and its pages are for development, which is what they are here for. */
const quietly = <A>(make: () => A): A => {
  const { warn } = console
  console.warn = () => {}
  try {
    return make()
  } finally {
    console.warn = warn
  }
}

let made = 0

const newKey = async (number: number): Promise<JWK> => {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true })
  return { ...await exportJWK(privateKey), kid: `key-${number}-${++made}`, alg: "RS256", use: "sig" }
}

const formFor = ({ audience, scopes = ["mcp"] }: Wanted): Form => ({ resource: audience, scope: scopes.join(" ") })

const codeGrant = Effect.fnUntraced(function*(
  issuer: string,
  user: string,
  { audience, scopes = ["mcp"] }: Wanted,
  token: (form: Form) => Effect.Effect<Granted>
) {
  const { id, returnAddress } = CLIENTS.web
  const code_verifier = randomBytes(32).toString("base64url")
  const start = new URL(`${issuer}/auth?${new URLSearchParams({
    client_id: id,
    redirect_uri: returnAddress,
    response_type: "code",
    scope: ["openid", "offline_access", ...scopes].join(" "),
    prompt: "consent",
    resource: audience,
    state: "state",
    code_challenge: createHash("sha256").update(code_verifier).digest("base64url"),
    code_challenge_method: "S256"
  })}`)
  const back = yield* Effect.promise(() => signedIn(start.href, returnAddress, user))
  const code = back.searchParams.get("code") ?? ""
  return yield* token({ grant_type: "authorization_code", code, redirect_uri: returnAddress, code_verifier, resource: audience })
})
