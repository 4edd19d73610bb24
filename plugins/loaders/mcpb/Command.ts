/** How a bundle is run: by Node, by Python or by a program of its own, with what it asks to be given. No shell, no other program. */
import { Effect, Path, Redacted } from "effect"
import { changesLoading, Loader, Plugin } from "#plugin"
import type { Inputs } from "../inputs/Inputs.ts"
import { interpreterFor } from "../python/Interpreter.ts"
import { fits, SPECIFIER } from "../python/Specifier.ts"
import { type Manifest, runOf } from "./Manifest.ts"
import { type Values, valuesFor } from "./Values.ts"

export interface Bundle {
  readonly source: string
  readonly directory: string
  readonly manifest: Manifest
}

const VARIABLE = /\$\{([^}]*)\}/gu
const WHOLE = /^\$\{user_config\.([^}]+)\}$/u

const failed = (source: string, step: string, next: string) => (why: string) => new Loader.LoadFailed({ source, step, next, cause: new Error(why) })

export const launchOf = Effect.fnUntraced(function*({ directory, manifest, source }: Bundle, inputs: Inputs) {
  const { problems, values } = yield* valuesFor(manifest, inputs)
  if (problems.length > 0) return yield* failed(source, "check its inputs", "write them as `inputs` of the server")(problems.join("; "))
  const { args, env } = runOf(manifest)
  const { by, command } = yield* programOf({ directory, manifest, source })
  const fill = filled(source, directory, values)
  const dangerous = Object.entries(env).find(([name, value]) => changesLoading(name) && !isOwnPath(name, value))
  if (dangerous !== undefined) return yield* failed(source, "read manifest.json", "do not use this bundle")(`it sets ${dangerous[0]}, which changes how programs load`)

  const given = yield* Effect.forEach(args, (text) => argumentsFor(source, fill, values, text))
  const variables = yield* Effect.forEach(Object.entries(env), Effect.fnUntraced(function*([name, text]) {
    const isUnset = values.get(WHOLE.exec(text)?.[1] ?? "")?.texts === undefined && WHOLE.test(text)
    return isUnset ? [] : [[name, Redacted.make(yield* fill(text))] as const]
  }))
  return {
    _tag: "Stdio",
    command,
    args: given.flat(),
    environment: { PYTHONDONTWRITEBYTECODE: "1" },
    inputs: Object.fromEntries(variables.flat()),
    directory,
    detected: `${manifest.name} ${manifest.version}, a bundle that is run by ${by}`
  } satisfies Loader.Stdio
})

const refuseForeign = Effect.fnUntraced(function*(source: string, { compatibility: { platforms, runtimes } = {}, server: { type } }: Manifest) {
  const refuse = failed(source, "read manifest.json", "take a bundle that is made for this machine")
  if (type === "uv") return yield* failed(source, "read manifest.json", "use type pypi, or git for its repository")("it is of type uv, which fetches packages when it starts")
  if (!["node", "python", "binary"].includes(type)) return yield* refuse(`it is of type ${JSON.stringify(type)}`)
  if (platforms !== undefined && !platforms.includes(process.platform)) return yield* refuse(`it is for ${platforms.join(", ")}, and this is ${process.platform}`)
  const node = runtimes?.node
  if (type === "node" && node !== undefined && SPECIFIER.test(node) && !fits(process.versions.node, node)) {
    return yield* refuse(`it wants Node ${node}, and this is ${process.versions.node}`)
  }
})

/** The program, and how the status names it. */
export const programOf = Effect.fnUntraced(function*({ directory, manifest, source }: Bundle) {
  yield* refuseForeign(source, manifest)
  const path = yield* Path.Path
  const { node } = yield* Plugin.Host
  const { command } = runOf(manifest)
  if (command === "node") return { command: node, by: "Node.js" }
  if (command === "python" || command === "python3") {
    const wanted = manifest.compatibility?.runtimes?.python
    const interpreter = yield* interpreterFor(source, wanted !== undefined && SPECIFIER.test(wanted) ? wanted : undefined)
    return { command: interpreter.command, by: `Python ${interpreter.version}` }
  }
  const own = path.resolve(directory, (command ?? "").replace(/^\$\{__dirname\}\/?/u, "./"))
  if (command?.includes("/") === true && own.startsWith(directory + path.sep)) return { command: own, by: path.relative(directory, own), own }
  return yield* failed(source, "find command", "do not use this bundle")(`it runs ${JSON.stringify(command ?? "")}, which is neither node, python nor a program of the bundle`)
})

/** Folders of the bundle itself, where Python and Node look for what it brings along. */
const isOwnPath = (name: string, value: string) =>
  (name === "PYTHONPATH" || name === "NODE_PATH") && value.split(":").every((part) => /^\$\{__dirname\}(?:\/(?!\.\.(?:\/|$))[^/$]+)*\/?$/u.test(part))

type Fill = ReturnType<typeof filled>

const filled = (source: string, directory: string, values: Values) => Effect.fnUntraced(function*(text: string) {
  const refuse = failed(source, "read manifest.json", "do not use this bundle")
  const parts: Record<string, string> = { __dirname: directory, pathSeparator: "/", "/": "/" }
  for (const [, name = ""] of text.matchAll(VARIABLE)) {
    if (Object.hasOwn(parts, name)) continue
    const key = /^user_config\.(.+)$/u.exec(name)?.[1]
    if (key === undefined) return yield* refuse(`it wants \${${name}}, which a gateway does not have`)
    const value = values.get(key)
    if (value === undefined) return yield* refuse(`it wants \${${name}}, and does not ask for it in user_config`)
    if ((value.texts?.length ?? 0) > 1) return yield* refuse(`it wants the list \${${name}} as a part of a text`)
    parts[name] = value.texts?.[0] ?? ""
  }
  return text.replaceAll(VARIABLE, (_, name: string) => parts[name] ?? "")
})

/** Everybody on the machine can read arguments, so no secret goes there. */
const argumentsFor = Effect.fnUntraced(function*(source: string, fill: Fill, values: Values, text: string) {
  const secret = [...text.matchAll(VARIABLE)].map(([, name = ""]) => name.replace(/^user_config\./u, "")).find((key) => values.get(key)?.isSecret === true)
  if (secret !== undefined && values.get(secret)?.texts !== undefined) {
    return yield* failed(source, "read manifest.json", "do not use this bundle")(`it wants inputs.${secret} as an argument, and that is a secret: everybody on the machine can read arguments`)
  }
  const whole = WHOLE.exec(text)?.[1]
  const value = whole === undefined ? undefined : values.get(whole)
  return value === undefined ? [yield* fill(text)] : value.texts ?? []
})
