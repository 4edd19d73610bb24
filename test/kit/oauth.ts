/** The routes of signing in, without a listener: requests in, answers out, over a store in memory and a sign-in that does as a test says. */
import { Effect, Layer, Redacted } from "effect"
import { HttpRouter, HttpServer, HttpServerRequest, HttpServerResponse } from "effect/http"
import { Authentication, type Rules } from "../../src/guard/Authentication.ts"
import { Base } from "../../src/guard/Base.ts"
import { Consents } from "../../src/guard/Consents.ts"
import { Users } from "../../src/guard/Users.ts"
import { egressLayer } from "../../src/host/Egress.node.ts"
import { oauthRoutes, oauthServices } from "../../src/oauth/Routes.ts"
import type { AuthorizationServer, BrowserClient, Returned, SignedIn } from "../../src/plugin/Provider.ts"
import { Store } from "../../src/store/Store.ts"
import { signInsLayer } from "../../src/vault/SignIns.ts"
import { SigningKeys } from "../../src/vault/SigningKeys.ts"
import { Vault } from "../../src/vault/Vault.ts"
import { heldKey, keyOf } from "./vault.ts"

export const ISSUER = "https://id.example.com"

export const described = (issuer: string, more: Partial<AuthorizationServer> = {}): AuthorizationServer => ({
  issuer,
  authorizationEndpoint: `${issuer}/authorize?tenant=1`,
  tokenEndpoint: `${issuer}/token`,
  jwksUri: undefined,
  introspectionEndpoint: undefined,
  revocationEndpoint: undefined,
  userinfoEndpoint: undefined,
  registrationEndpoint: undefined,
  codeChallengeMethods: ["S256"],
  grantTypes: ["authorization_code"],
  isIssuerInResponse: true,
  takesClientIdMetadataDocuments: false,
  ...more
})

export const signedInAs = (issuer: string, subject: string): SignedIn => ({
  identity: { issuer, subject, clientId: "gateway", scopes: [], expires: 4_000_000_000, claims: { email: `${subject}@example.com` } },
  idToken: Redacted.make(`id token of ${subject}`),
  refreshToken: undefined
})

/** Everybody whose code is `code of <name>` signs in as that name; what was asked is kept. */
export const clientFor = (issuer: string, asked: Array<Returned> = []): BrowserClient => ({
  clientId: "gateway",
  scopes: ["openid"],
  redeem: (returned) =>
    Effect.sync(() => {
      asked.push(returned)
      return signedInAs(issuer, Redacted.value(returned.code).replace("code of ", ""))
    })
})

export const rulesWith = (browser: BrowserClient | undefined, more: Partial<AuthorizationServer> = {}, issuer = ISSUER): Rules => ({
  kind: "guarded",
  keys: undefined,
  signIn: {
    requiredScopes: [],
    resource: (path) => path,
    audience: (path) => path,
    provider: {
      issuer,
      believedFor: 0,
      validate: () => Effect.die("no token is checked here"),
      metadata: Effect.succeed(described(issuer, more)),
      ...browser !== undefined && { browser }
    }
  }
})

export const CALLBACK = "/oauth/callback"

export const services = Layer.mergeAll(oauthServices(CALLBACK), SigningKeys.layer, signInsLayer).pipe(
  Layer.provideMerge(Layer.merge(Consents.layer, Users.layer)),
  Layer.provideMerge(Layer.mergeAll(Authentication.layer, Base.layer, Vault.whole, egressLayer)),
  Layer.provideMerge(Store.memory),
  Layer.provideMerge(heldKey({ bytes: keyOf(1) }))
)

/** A browser keeps its cookies; each call is one request, and redirects are left to the test. */
export interface Visit {
  readonly get: (path: string) => Effect.Effect<Response>
  readonly post: (path: string, form: Record<string, string> | string, headers?: Record<string, string>) => Effect.Effect<Response>
  readonly cookies: Map<string, string>
}

export const browserAt = Effect.fnUntraced(function*(base: string) {
  const router = yield* HttpRouter.toHttpEffect(Layer.provide(
    oauthRoutes({ callbackPath: CALLBACK, endpoints: { main: "/mcp", isServer: (path) => path.startsWith("/servers/") } }),
    HttpServer.layerServices
  ))
  const context = yield* Effect.context<Layer.Success<typeof services>>()
  const send = (request: Request) =>
    router.pipe(
      Effect.provideService(HttpServerRequest.HttpServerRequest, HttpServerRequest.fromWeb(request).modify({ url: request.url.slice(new URL(base).origin.length) })),
      Effect.map((response) => HttpServerResponse.toWeb(response)),
      Effect.scoped,
      Effect.provideContext(context),
      Effect.orDie
    )

  return (): Visit => {
    const cookies = new Map<string, string>()
    const asked = (path: string, more: RequestInit) =>
      Effect.map(send(new Request(base + path, { ...more, headers: { ...more.headers, cookie: [...cookies].map((pair) => pair.join("=")).join("; ") } })), (response) => {
        keep(cookies, response)
        return response
      })
    return {
      cookies,
      get: (path) => asked(path, {}),
      post: (path, form, headers = {}) => asked(path, { method: "POST", body: typeof form === "string" ? form : new URLSearchParams(form), headers })
    }
  }
})

const keep = (cookies: Map<string, string>, response: Response) => {
  for (const cookie of response.headers.getSetCookie()) {
    const [, name = "", value = ""] = /^([^=]+)=([^;]*)/u.exec(cookie) ?? []
    if (value === "") cookies.delete(name)
    else cookies.set(name, value)
  }
}
