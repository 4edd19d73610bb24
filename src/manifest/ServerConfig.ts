/** `config:` of a server: what its process or its connection is given. */
import { Schema } from "effect"
import { about, fallback, HttpPath, Port, Text, Texts } from "./Fields.ts"

const Environment = Schema.Record(
  Schema.String.check(Schema.isPattern(/^[A-Za-z_][A-Za-z0-9_]*$/u, { expected: "the name of an environment variable" })),
  Schema.String
)

const Header = Schema.String.check(
  Schema.isPattern(/^[^\r\n\0]*$/u, { expected: "a header value on one line" })
)

const Headers = Schema.Record(
  Schema.String.check(Schema.isPattern(/^[!#$%&'*+.^_`|~A-Za-z0-9-]+$/u, { expected: "the name of a header" })),
  Schema.RedactedFromValue(Header)
)

export const ServerConfig = Schema.Struct({
  args: fallback(Schema.Array(Schema.String), "Arguments for the server, after those its loader gives; {home} stands for its private folder, which stays when its code changes", []),
  environment: fallback(Environment, "Environment variables for the server; it gets no others of yours, and {home} stands for its private folder here too", {}),
  allow_environment: fallback(
    Texts,
    "Names in environment that change how programs load (PATH, NODE_OPTIONS, LD_...) and are meant",
    []
  ),
  port: Schema.optionalKey(
    about(Port, "The server listens on HTTP: it gets PORT, and {port} in its arguments stands for it")
  ),
  path: fallback(HttpPath, "Path of the server's endpoint, with port", "/mcp"),
  headers: fallback(Headers, "Headers sent with every call to a server reached over HTTP", {}),
  working_directory: Schema.optionalKey(
    about(Text, "Folder the server starts in, relative to the manifest; default is the manifest's own folder")
  )
})
