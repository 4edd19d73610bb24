/** The parts of the manifest about sign-in. */
import { Schema } from "effect"
import { AuthorizationServer } from "./AuthorizationServer.ts"
import { about, fallback, HttpPath } from "./Fields.ts"
import { MasterOauth } from "./SignIn.ts"

const CALLBACK_PATH = "/oauth/callback"

const OauthDelegation = Schema.Struct({
  callback_path: fallback(HttpPath, "Where authorization servers send users back to, after base_url; the gateway's clients there have to know it", CALLBACK_PATH)
})

export const access = {
  master_oauth: Schema.optionalKey(about(MasterOauth, "Who may call the gateway")),
  oauth_delegation: fallback(OauthDelegation, "Sign-in of users with a browser", {}),
  authorization_server: Schema.optionalKey(about(AuthorizationServer, "The gateway as an authorization server of its own")),
  api_keys: fallback(Schema.Boolean, "Accept keys made by manifold keys create, beside or instead of tokens", false)
}
