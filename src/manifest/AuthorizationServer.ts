/** `authorization_server:` of the manifest: the gateway as one, for provider gateway and for proxy_oauth. */
import { Schema, SchemaTransformation } from "effect"
import { redirectMistake } from "../lib/RedirectUri.ts"
import { about, fallback, OwnKeys, PluginName, required, rule, Text } from "./Fields.ts"

const RedirectUri = Text.check(rule<string>((text) => redirectMistake(text) ?? true))

const Client = Schema.Struct({
  client_id: required(
    Text.check(Schema.isPattern(/^[\x21-\x7e]{1,200}$/u, { expected: "letters without spaces, 200 at most" })),
    "Name the client sends",
    "the name that the client sends"
  ),
  client_name: Schema.optionalKey(about(Text, "Name a user sees on the consent page; default is client_id")),
  client_secret: Schema.optionalKey(about(
    Schema.RedactedFromValue(Schema.NonEmptyString),
    "What it proves itself with at the token endpoint, for one that can keep a secret: write a reference, such as ${env:NAME}"
  )),
  redirect_uris: required(
    Schema.NonEmptyArray(RedirectUri),
    "Addresses users may be sent back to, exact but for the port of http://127.0.0.1 and http://[::1]",
    "a list of addresses"
  )
})

/** The key of an upstream that is the gateway's; all others are its provider's. */
export const upstreamKeys: ReadonlyArray<string> = ["provider"]

const Upstream = Schema.StructWithRest(
  Schema.Struct({ provider: required(PluginName, "How users sign in: oidc, github, google, or the provider of a plugin", "oidc, github or google") }),
  [OwnKeys]
).pipe(Schema.decodeTo(
  Schema.Struct({ provider: Schema.String, config: OwnKeys }),
  SchemaTransformation.transform({
    decode: ({ provider, ...config }) => ({ provider, config }),
    encode: ({ config, provider }) => ({ ...config, provider })
  })
))

export const AuthorizationServer = Schema.Struct({
  registration: fallback(
    Schema.Literals(["off", "cimd", "dynamic"]),
    "How clients that are not listed become known: not at all, by a document at the https address that is their client_id, or by registering",
    "off"
  ),
  clients: fallback(Schema.Array(Client), "Clients that are known beforehand", []),
  upstream: Schema.optionalKey(about(Upstream, "Who signs users in, with provider gateway"))
})
export type AuthorizationServer = typeof AuthorizationServer.Type
