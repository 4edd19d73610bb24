/** The parts of the manifest about sign-in. The form of what is not built yet is checked, and it is then refused. */
import { Schema } from "effect"
import { about, fallback, HttpPath, HttpUrl, later, Text, Texts } from "./Fields.ts"
import { MasterOauth } from "./SignIn.ts"

const optionalText = (description: string) => Schema.optionalKey(about(Text, description))
const optionalUrl = (description: string) => Schema.optionalKey(about(HttpUrl, description))

export const CALLBACK_PATH = "/oauth/callback"

const OauthDelegation = Schema.Struct({
  callback_path: fallback(HttpPath, "Where authorization servers send users back to, after base_url; the gateway's clients there have to know it", CALLBACK_PATH)
})

const Client = Schema.Struct({
  client_id: about(Text, "Name the client sends"),
  client_name: optionalText("Name a user sees on the consent page"),
  redirect_uris: about(Texts, "Addresses users may be sent back to, exact")
})

const Upstream = Schema.Struct({
  provider: about(Text, "oidc, github, google, or the provider of a plugin"),
  issuer: optionalUrl("Who signs users in"),
  client_id: optionalText("The gateway's client there"),
  client_secret: optionalText("Its secret: write a reference, such as ${env:NAME}")
})

const AuthorizationServer = Schema.Struct({
  registration: Schema.optionalKey(
    about(Schema.Literals(["off", "cimd", "dynamic"]), "How clients that are not listed become known")
  ),
  clients: Schema.optionalKey(about(Schema.Array(Client), "Clients that are known beforehand")),
  upstream: Schema.optionalKey(about(Upstream, "Who signs users in, with provider gateway"))
})

export const access = {
  master_oauth: Schema.optionalKey(about(MasterOauth, "Who may call the gateway")),
  oauth_delegation: fallback(OauthDelegation, "Sign-in of users with a browser", {}),
  authorization_server: later(AuthorizationServer, "The gateway as an authorization server of its own"),
  api_keys: fallback(Schema.Boolean, "Accept keys made by manifold keys create, beside or instead of tokens", false)
}
