/** What is launched of an entry: what the loader of its package launches, with the arguments and variables that the entry wants. */
import { Effect, Path, Redacted } from "effect"
import { Loader, Plugin } from "#plugin"
import type { Inputs } from "../inputs/Inputs.ts"
import remote from "../remote.ts"
import { leadsHome } from "./Choose.ts"
import { built } from "./Delegates.ts"
import type { Named, Package, Remote } from "./Entry.ts"
import { Given } from "./Given.ts"

export interface Launching {
  readonly source: string
  readonly inputs: Inputs
  readonly wanted: Loader.Wanted
}

const failed = (source: string, step: string, next: string) => (why: string) => new Loader.LoadFailed({ source, step, next, cause: new Error(why) })

const givenFor = Effect.fnUntraced(function*({ inputs }: Launching) {
  const { directory } = yield* Plugin.Host
  return new Given({ inputs, directory, path: yield* Path.Path })
})

const settled = ({ source }: Launching, problems: ReadonlyArray<string>) =>
  problems.length === 0 ? Effect.void : failed(source, "check its inputs", "write them as `inputs` of the server")(problems.join("; "))

const unasked = ({ rest }: Given) => Object.keys(rest).map((name) => `inputs.${name} is not asked for`)

/** Those that the manifest does not give itself. */
const secretsFor = (given: Given, all: ReadonlyArray<Named>, isGiven: (name: string) => boolean) =>
  Object.fromEntries(all.filter(({ name }) => !isGiven(name)).flatMap((each) => {
    const text = given.named(each)
    return text === undefined ? [] : [[each.name, Redacted.make(text)] as const]
  }))

/** @param inner the loader of the package, with the inputs that the entry does not ask for itself */
export const launchedPackage = Effect.fnUntraced(function*(
  launching: Launching,
  one: Package,
  launch: (rest: Inputs, wanted: Loader.Wanted) => Effect.Effect<Loader.Launch, Loader.LoadFailed, Plugin.Lent>
) {
  const { source, wanted } = launching
  const { environmentVariables = [], packageArguments = [], registryType, runtimeArguments = [], transport } = one
  if (transport !== undefined && transport.type !== "stdio" && wanted.port === undefined) {
    return yield* failed(source, "launch", "write config.port, and config.path where it is not /mcp")(`its package serves ${transport.type}`)
  }
  const given = yield* givenFor(launching)
  const inputs = secretsFor(given, environmentVariables, (name) => wanted.environment.includes(name))
  const args = packageArguments.flatMap((each) => given.argument(each))
  yield* settled(launching, [...given.problems, ...(registryType === "mcpb" ? [] : unasked(given))])

  const inner = yield* launch(registryType === "mcpb" ? given.rest : {}, { ...wanted, environment: [...wanted.environment, ...Object.keys(inputs)] })
  if (inner._tag !== "Stdio") return inner
  const left = runtimeArguments.length === 0 ? [] : [`${runtimeArguments.length} runtime arguments of its entry are left out`]
  const detected = [inner.detected, ...left].filter((each) => each !== undefined).join("; ")
  return { ...inner, args: [...inner.args, ...args], inputs: { ...inner.inputs, ...inputs }, ...(detected === "" ? {} : { detected }) } satisfies Loader.Stdio
})

export const launchedRemote = Effect.fnUntraced(function*(launching: Launching, isHome: boolean, { headers = [], type, url, variables = {} }: Remote) {
  const { source, wanted } = launching
  const refuse = failed(source, "read the entry", "do not use this entry")
  const given = yield* givenFor(launching)
  const address = given.template(url, variables)
  const own = secretsFor(given, headers, (name) => wanted.headers?.includes(name.toLowerCase()) === true)
  yield* settled(launching, [...given.problems, ...unasked(given)])
  if (address === undefined || (!isHome && leadsHome(address))) return yield* refuse("its address is not https at another machine")
  if (Object.values(own).some((value) => /[\r\n\0]/u.test(Redacted.value(value)))) return yield* refuse("a header of it has more than one line")

  const loader = yield* built(source, remote, { url: address, transport: type === "sse" ? "sse" : "streamable_http" })
  const launch = yield* loader.launch("", { source, digest: "" }, wanted)
  return launch._tag === "Http" ? { ...launch, headers: own } satisfies Loader.Http : launch
})
