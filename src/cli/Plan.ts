/**
 * `manifold plan FILE...`: what a manifest would change in the gateway that runs.
 * Without --url that is the one at the manifest's own address, if there is one.
 */
import { Console, Effect, Option } from "effect"
import { Argument, Command } from "effect/cli"
import { FetchHttpClient } from "effect/http"
import { fingerprint, Salted } from "../admin/Fingerprint.ts"
import type { Manifest } from "../manifest/Manifest.ts"
import { accepted, refuse, set } from "./Check.ts"
import { json } from "./Json.ts"
import { nothing, planOf } from "./Planned.ts"
import { sayPlan } from "./PlanText.ts"
import { ask, baseOf, type NoGateway, url } from "./Running.ts"
import { stop, unavailable } from "./Stopped.ts"

const own = ({ hosting: { host, port } }: Manifest) => `http://${host.includes(":") ? `[${host}]` : host}:${port}`

/** What the gateway runs; nothing where none is at the manifest's own address, and why. */
const running = Effect.fnUntraced(function*(manifest: Manifest, given: Option.Option<string>) {
  const at = Option.getOrElse(given, () => own(manifest))
  const found = Effect.map(ask(at, "/api/v1/fingerprints", Salted), ({ value: { salt, ...fingerprint } }) => ({
    against: baseOf(at),
    fingerprint,
    salt,
    said: `against the gateway at ${baseOf(at)}`
  }))
  const none = ({ url, why }: NoGateway) => ({
    against: null,
    fingerprint: nothing,
    salt: "none",
    said: `against nothing: no gateway answers at ${url} (${why})`
  })
  return yield* Option.isSome(given) ? found : Effect.catch(found, (error) => Effect.succeed(none(error)))
})

export const plan = Command.make("plan", {
  files: Argument.String("file").pipe(
    Argument.withDescription("Manifest; later files override earlier ones"),
    Argument.atLeast(1)
  ),
  url,
  set,
  json
}, Effect.fnUntraced(function*(input) {
  const { files, manifest } = yield* accepted(input)
  const { against, fingerprint: now, said, salt } = yield* running(manifest, input.url)
  const plan = planOf(now, yield* fingerprint(manifest, salt), manifest)
  if (input.json) return yield* Console.log(JSON.stringify({ valid: true, against, ...plan }, null, 2))
  yield* Console.log(`${files.join(", ")}, ${said}\n\n${sayPlan(plan)}`)
}, (effect, input) =>
  effect.pipe(
    Effect.catchTags({
      ManifestInvalid: (invalid) => refuse(invalid, input.json),
      NoGateway: ({ message }) => stop(unavailable, message)
    }),
    Effect.provide(FetchHttpClient.layer)
  ))).pipe(
    Command.withDescription(
      "Say what a manifest would add, replace, update in place and remove in the running gateway, and which keys are the reason. " +
        "Values are compared as salted hashes and never shown. Exit code 78 when the manifest cannot be used, 69 when the gateway at --url does not answer"
    ),
    Command.withShortDescription("Say what a manifest would change in the running gateway"),
    Command.withExamples([
      { command: "manifold plan manifests/gateway.yaml", description: "Against the gateway at the manifest's own address" },
      { command: "manifold plan base.yaml prod.yaml --url https://gw.example.com --json", description: "Two files, another gateway, for a script" }
    ])
  )
