/**
 * `master_oauth:` of the manifest: who may call. Keys that are not common to all providers belong to
 * the provider's own schema, which decodes them when it is built.
 */
import { Schema, SchemaTransformation } from "effect"
import { about, fallback, OwnKeys, PluginName, required, Texts } from "./Fields.ts"

/** Some issuers name what a token is for by an id of theirs and not by its address. */
const Audience = Schema.String.check(Schema.isPattern(/^\S{1,500}$/u, { expected: "what tokens name as their audience, without spaces" }))

const common = {
  provider: required(PluginName, "How tokens are checked: oidc, github, google, or the provider of a plugin", "oidc, github or google"),
  audience: Schema.optionalKey(about(Audience, "What a token has to be for at the endpoint of all servers; default is its address. The endpoint of one server always wants its own address")),
  required_scopes: fallback(Texts, "Scopes that every token has to have; API keys need none of them, and have what they were made with", [])
}

/** The keys that are the gateway's; all others are the provider's. */
export const signInKeys: ReadonlyArray<string> = Object.keys(common)

const Keys = Schema.StructWithRest(Schema.Struct(common), [OwnKeys])

export const MasterOauth = Keys.pipe(Schema.decodeTo(
  Schema.Struct({
    provider: Schema.String,
    audience: Schema.optionalKey(Schema.String),
    required_scopes: Schema.Array(Schema.String),
    config: OwnKeys
  }),
  SchemaTransformation.transform({
    decode: ({ audience, provider, required_scopes, ...config }) => ({
      provider,
      required_scopes,
      config,
      ...(audience === undefined ? {} : { audience })
    }),
    encode: ({ config, ...keys }) => ({ ...config, ...keys })
  })
))
