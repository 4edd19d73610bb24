/**
 * The parts of the manifest about sign-in. None is built yet: their form is
 * checked, so that a manifest can be written now, and each is then refused.
 */
import { Schema } from "effect"
import { about, HttpPath, HttpUrl, later, Span, Text, Texts } from "./Fields.ts"

const optionalText = (description: string) => Schema.optionalKey(about(Text, description))
const optionalTexts = (description: string) => Schema.optionalKey(about(Texts, description))
const optionalUrl = (description: string) => Schema.optionalKey(about(HttpUrl, description))
const optionalDuration = (description: string) => Schema.optionalKey(about(Span, description))

const Introspection = Schema.Struct({
  client_id: about(Text, "The client the gateway asks as"),
  client_secret: about(Text, "Its secret: write a reference, such as ${env:NAME}")
})

const MasterOauth = Schema.Struct({
  provider: about(Text, "oidc, github, google, gateway, or the provider of a plugin"),
  issuer: optionalUrl("Whose tokens are accepted"),
  audience: optionalText("The audience a token must have; default is the address of the endpoint"),
  required_scopes: optionalTexts("Scopes a token must have"),
  client_id: optionalText("The gateway's own client at the issuer, for signing in with a browser"),
  client_secret: optionalText("Its secret: write a reference, such as ${env:NAME}"),
  introspection: Schema.optionalKey(about(Introspection, "Ask the issuer about opaque tokens; without this they are refused")),
  token_types: optionalTexts("The typ headers a token may have; default at+jwt"),
  longest_life: optionalDuration("Tokens that live longer are refused"),
  clock_skew: optionalDuration("How far clocks may differ")
})

const OauthDelegation = Schema.Struct({
  callback_path: Schema.optionalKey(about(HttpPath, "Where authorization servers send users back to"))
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
  master_oauth: later(MasterOauth, "Who may call the gateway"),
  oauth_delegation: later(OauthDelegation, "Sign-in of users at the servers' own authorization servers"),
  authorization_server: later(AuthorizationServer, "The gateway as an authorization server of its own"),
  api_keys: later(Schema.Boolean, "Accept keys made by manifold keys create", false)
}
