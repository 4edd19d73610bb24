/**
 * The entry on Cloudflare Workers. It checks the manifest that is bound as `MANIFEST` and
 * says what is wrong with it; calls are not served on Workers yet, and it says that too.
 */
import { Effect, FileSystem, Layer, Path } from "effect"
import { draftOf } from "./manifest/Load.ts"
import { type Problem, sayProblem } from "./manifest/Problem.ts"
import { readSource } from "./manifest/Source.ts"
import { VERSION } from "./lib/Version.ts"

/** The manifest's YAML, and the variables that it refers to. */
export type Bindings = Readonly<Record<string, unknown>>

const NAME = "MANIFEST"

const problemsIn = (bindings: Bindings): Effect.Effect<ReadonlyArray<Problem>> => {
  const text = bindings[NAME]
  if (typeof text !== "string") {
    return Effect.succeed([{ file: NAME, line: 0, column: 0, path: "", message: "no manifest is bound under this name" }])
  }
  const environment = Object.fromEntries(Object.entries(bindings).filter((entry): entry is [string, string] => typeof entry[1] === "string"))
  const draft = draftOf([readSource(text, NAME)], { files: [NAME], environment, set: [] })
  return Effect.map(draft, ({ problems }) => problems).pipe(
    Effect.provide(Layer.mergeAll(FileSystem.layerNoop({}), Path.layer))
  )
}

const answer = Effect.fnUntraced(function*(request: Request, bindings: Bindings) {
  const { pathname } = new URL(request.url)
  if (pathname === "/health/live") return Response.json({ status: "live", version: VERSION })
  if (pathname === "/api/v1/check") {
    const problems = yield* problemsIn(bindings)
    return Response.json({ valid: problems.length === 0, problems: problems.map(sayProblem) })
  }
  return Response.json({ error: "not_supported", message: "Calls are not served on Workers yet; run the Node bundle" }, { status: 501 })
})

export default {
  fetch: (request: Request, bindings: Bindings): Promise<Response> => Effect.runPromise(answer(request, bindings))
}
