/**
 * Module hooks for third-party plugins, registered once per process, at the first import of one.
 *
 * They touch only modules that a plugin's entry leads to. There, `effect` and `mcp-manifold/plugin`
 * become the host's own copies, unless the plugin brings another major version of effect for itself;
 * and a file next to the entry carries the entry's revision, so that a changed plugin is read anew.
 */
import { createRequire, findPackageJSON, registerHooks, type ResolveFnOutput } from "node:module"
import { readFileSync } from "node:fs"
import { pathToFileURL } from "node:url"
import { Option, Schema } from "effect"
import { lent, lentModule } from "./Lent.node.ts"

const LENT = "manifold-lent:"
const PACKAGE = "manifold-package:"
/** A module with Node's own `import()`: one written here would be rewritten by a test runner, past our hooks. */
const IMPORT = "manifold-import:"
const IMPORT_SOURCE = "export const load = (specifier) => import(specifier)"
const TABLE = "manifold/host/lent"
const HOST_MAJOR = "4"

const ofPlugins = new Set<string>()
let registered = false

/** The specifier that imports the entry of the package `name`, as seen from `directory`. */
export const packageSpecifier = (name: string, directory: string, revision: string) =>
  `${PACKAGE}${new URLSearchParams({ name, directory, revision })}`

export const fileSpecifier = (file: string, revision: string) => {
  const url = `${pathToFileURL(file)}?rev=${revision}`
  ofPlugins.add(url)
  return url
}

/** Imports what `fileSpecifier` or `packageSpecifier` gave. */
export const importPlugin = (specifier: string): Promise<{ readonly default?: unknown }> => {
  registerOnce()
  const native: { readonly load: typeof importPlugin } = createRequire(import.meta.url)(IMPORT)
  return native.load(specifier)
}

const registerOnce = () => {
  if (registered) return
  registered = true
  Reflect.set(globalThis, Symbol.for(TABLE), lentModule)
  registerHooks({
    resolve: (specifier, context, next) => {
      if (specifier.startsWith(PACKAGE)) return packageEntry(specifier, (name, parentURL) => next(name, { ...context, parentURL }))
      if (specifier === IMPORT) return { url: IMPORT, format: "module", shortCircuit: true }
      const { parentURL } = context
      if (parentURL === undefined || !ofPlugins.has(parentURL)) return next(specifier, context)
      if (isLent(specifier) && !bringsAnotherMajor(specifier, parentURL)) return lentUrl(specifier)

      const { search } = new URL(parentURL)
      const resolved = next(specifier, context)
      const isNeighbour = specifier.startsWith(".") && search.startsWith("?rev=") && context.conditions.includes("import")
      return tracked(isNeighbour ? { ...resolved, url: resolved.url + search } : resolved)
    },
    load: (url, context, next) => {
      if (url === IMPORT) return { format: "module", shortCircuit: true, source: IMPORT_SOURCE }
      if (!url.startsWith(LENT)) return next(url, context)
      return { format: "module", shortCircuit: true, source: sourceFor(url.slice(LENT.length)) }
    }
  })
}

const tracked = (resolved: ResolveFnOutput) => {
  if (resolved.url.startsWith("file:")) ofPlugins.add(resolved.url)
  return resolved
}

const packageEntry = (specifier: string, resolve: (name: string, parentURL: string) => ResolveFnOutput) => {
  const wanted = new URLSearchParams(specifier.slice(PACKAGE.length))
  const resolved = resolve(wanted.get("name") ?? "", `${pathToFileURL(wanted.get("directory") ?? "")}/`)
  return tracked({ ...resolved, url: `${resolved.url}?rev=${wanted.get("revision")}` })
}

const isLent = (specifier: string) => lent.has(specifier) || specifier.startsWith("effect/")

const lentUrl = (specifier: string): ResolveFnOutput => {
  if (lentModule(specifier) === undefined) {
    throw new Error(`"${specifier}" is not lent to plugins; lent are ${[...lent.keys()].join(", ")}`)
  }
  return { url: LENT + specifier, format: "module", shortCircuit: true }
}

const Version = Schema.fromJsonString(Schema.Struct({ version: Schema.String }))

/** A plain plugin may use effect 3 inside: that copy stays its own. */
const bringsAnotherMajor = (specifier: string, parentURL: string) => {
  if (!specifier.startsWith("effect")) return false
  try {
    const file = findPackageJSON("effect", parentURL)
    const own = file === undefined
      ? Option.none()
      : Schema.decodeOption(Version)(readFileSync(file, "utf8"))
    return Option.isSome(own) && own.value.version.split(".", 1)[0] !== HOST_MAJOR
  } catch {
    return false
  }
}

const sourceFor = (specifier: string) => {
  const names = Object.keys(lentModule(specifier) ?? {})
  return [
    `const lent = globalThis[Symbol.for(${JSON.stringify(TABLE)})](${JSON.stringify(specifier)})`,
    ...names.map((name, index) => `const $${index} = lent[${JSON.stringify(name)}]`),
    `export { ${names.map((name, index) => `$${index} as ${JSON.stringify(name)}`).join(", ")} }`
  ].join("\n")
}
