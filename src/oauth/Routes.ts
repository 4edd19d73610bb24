/** Every route of signing in and giving tokens. They ask for no credential of a caller: each says itself who may come. */
import { Layer } from "effect"
import { CallbackPath } from "./CallbackPath.ts"
import { CONNECT_PATH } from "../guard/Consents.ts"
import { callback } from "./browser/Callback.ts"
import { browserLayer } from "./browser/SigningIn.ts"
import { SIGN_OUT, signOut } from "./browser/SignOut.ts"
import { clientDocument, CLIENTS_PATH } from "./consent/ClientDocument.ts"
import { connect, CONNECTED_PATH } from "./consent/Connect.ts"
import { consented } from "./consent/Return.ts"
import { forgetting } from "./Forgetting.ts"
import { JWKS_PATH, keySet } from "./KeySet.ts"
import { type Endpoints, metadata } from "./Metadata.ts"
import { AUTHORIZE, authorizing, CONSENT } from "./server/Authorize.ts"
import { Clients } from "./server/Clients.ts"
import { lapses } from "./server/Lapses.ts"
import { REGISTER, registration } from "./server/Registration.ts"
import { serverMetadata } from "./server/ServerMetadata.ts"
import { Terms } from "./server/Terms.ts"
import { ownTokensLayer } from "./server/Tokens.ts"
import { REVOKE, TOKEN, tokenRoutes } from "./server/TokenRoute.ts"

/** All that the routes and the provider of our own tokens need. */
export const oauthServices = (callbackPath: string) =>
  Layer.mergeAll(browserLayer(callbackPath), Clients.layer, ownTokensLayer, lapses, forgetting).pipe(
    Layer.provideMerge(Layer.merge(Terms.layer, Layer.succeed(CallbackPath, callbackPath)))
  )

export interface OauthOptions {
  readonly callbackPath: string
  readonly endpoints: Endpoints
}

export const oauthRoutes = ({ callbackPath, endpoints }: OauthOptions) =>
  Layer.mergeAll(
    metadata(endpoints),
    callback(`/${callbackPath.slice(1)}`),
    connect,
    consented(callbackPath),
    clientDocument(callbackPath),
    keySet,
    signOut,
    serverMetadata,
    authorizing,
    tokenRoutes,
    registration
  )

const PATHS: ReadonlySet<string> = new Set([SIGN_OUT, CONNECT_PATH, CONNECTED_PATH, JWKS_PATH, AUTHORIZE, CONSENT, TOKEN, REVOKE, REGISTER])

/** What everybody may ask: whether the gateway is there, and how to sign in. */
export const isPublic = (callbackPath: string) => (path: string): boolean =>
  path === callbackPath || path.startsWith(`${callbackPath}/`) || path.startsWith(`${CLIENTS_PATH}/`) || PATHS.has(path) || path.startsWith("/health/") || path.startsWith("/.well-known/")
