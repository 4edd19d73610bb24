/** What an entry may ask to be given, looked at before anything of it is fetched, and again where a lock has it. */
import { Effect, Schema } from "effect"
import { changesLoading, Loader, Policy } from "#plugin"
import { Taken } from "./Entry.ts"

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/u
const HEADER = /^[!#$%&'*+.^_`|~A-Za-z0-9-]+$/u
/** Headers of the connection and of the protocol, which are the gateway's own. */
const OWN_HEADERS = /^(?:host|connection|content-.*|transfer-encoding|upgrade|te|trailer|expect|accept|mcp-.*|proxy-.*)$/iu

export const sound = Effect.fnUntraced(function*(source: string, taken: Taken) {
  const refused = (why: string) => new Loader.LoadFailed({ source, step: "read the entry", next: "do not use this entry", cause: new Error(why) })
  const variables = "package" in taken ? taken.package.environmentVariables ?? [] : []
  const variable = variables.find(({ name }) => !VARIABLE.test(name) || changesLoading(name))
  if (variable !== undefined) return yield* refused(`it wants the variable ${JSON.stringify(variable.name)}, which is none, or changes how programs load`)
  const headers = "remote" in taken ? taken.remote.headers ?? [] : []
  const header = headers.find(({ name }) => !HEADER.test(name) || OWN_HEADERS.test(name))
  if (header !== undefined) return yield* refused(`it wants the header ${JSON.stringify(header.name)}, which is none, or the gateway's own`)
  const { provenance } = yield* Policy.Policy
  if (provenance === "required" && !("package" in taken && taken.package.registryType === "npm")) {
    const what = "package" in taken ? `a package of type ${taken.package.registryType}` : "an address"
    return yield* new Loader.LoadFailed({ source, step: "check signatures", next: "write provenance: recorded, or package: npm", cause: new Error(`it comes to ${what}, and only npm registries sign what they give`) })
  }
  return taken
})

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Taken))

export const takenIn = ({ pin = {}, source }: Loader.Resolved) =>
  decode(pin["package"]).pipe(
    Effect.mapError((cause) => new Loader.LoadFailed({ source, step: "read the lock", next: "write it anew with manifold lock", cause })),
    Effect.flatMap((taken) => sound(source, taken))
  )
