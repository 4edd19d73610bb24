/** Every route of signing in and giving tokens. They ask for no credential of a caller: each says itself who may come. */
import { Layer } from "effect"
import { CONNECT_PATH } from "../guard/Consents.ts"
import { callback } from "./browser/Callback.ts"
import { signOut } from "./browser/SignOut.ts"
import { clientDocument, CLIENTS_PATH } from "./consent/ClientDocument.ts"
import { connect, CONNECTED_PATH } from "./consent/Connect.ts"
import { consented } from "./consent/Return.ts"
import { JWKS_PATH, keySet } from "./KeySet.ts"
import { type Endpoints, metadata } from "./Metadata.ts"

export interface OauthOptions {
  readonly callbackPath: string
  readonly endpoints: Endpoints
}

export const oauthRoutes = ({ callbackPath, endpoints }: OauthOptions) =>
  Layer.mergeAll(
    metadata(endpoints),
    callback(`/${callbackPath.slice(1)}`),
    connect(callbackPath),
    consented(callbackPath),
    clientDocument(callbackPath),
    keySet,
    signOut
  )

const PATHS: ReadonlySet<string> = new Set(["/oauth/sign-out", CONNECT_PATH, CONNECTED_PATH, JWKS_PATH])

/** What everybody may ask: whether the gateway is there, and how to sign in. */
export const isPublic = (callbackPath: string) => (path: string): boolean =>
  path === callbackPath || path.startsWith(`${callbackPath}/`) || path.startsWith(`${CLIENTS_PATH}/`) || PATHS.has(path) || path.startsWith("/health/") || path.startsWith("/.well-known/")
