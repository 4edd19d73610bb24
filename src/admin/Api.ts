/** What an operator asks the gateway over HTTP: health, status, and what a plan is compared with. */
import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { Redaction } from "../observe/Redaction.ts"
import { Reconciler } from "../reconcile/Reconciler.ts"
import { Activity } from "./Activity.ts"
import { fingerprint } from "./Fingerprint.ts"
import { Stopping } from "./Stopping.ts"
import { forgetUser } from "./UserRoutes.ts"

const salt = crypto.randomUUID()

/** The process answers; nothing about what it depends on. */
const live = HttpRouter.add("GET", "/health/live", HttpServerResponse.jsonUnsafe({ status: "live" }))

const ready = HttpRouter.add("GET", "/health/ready", Effect.gen(function*() {
  const reconciler = yield* Reconciler
  const stopping = yield* Stopping
  if (stopping.is()) return HttpServerResponse.jsonUnsafe({ status: "stopping" }, { status: 503 })
  return reconciler.isReady()
    ? HttpServerResponse.jsonUnsafe({ status: "ready" })
    : HttpServerResponse.jsonUnsafe({ status: "starting" }, { status: 503 })
}))

/** What a plugin or a package manager said of a failure is in here, and may hold what it should not. */
const servers = HttpRouter.add("GET", "/api/v1/servers", Effect.gen(function*() {
  const { status } = yield* Reconciler
  const redactor = yield* Redaction
  return HttpServerResponse.jsonUnsafe(redactor.redactAll(status()))
}))

const activity = HttpRouter.add("GET", "/api/v1/activity", Effect.map(Activity, ({ now }) => HttpServerResponse.jsonUnsafe(now())))

const fingerprints = HttpRouter.add("GET", "/api/v1/fingerprints", Effect.gen(function*() {
  const reconciler = yield* Reconciler
  const manifest = reconciler.manifest()
  const hashes = manifest === undefined ? { gateway: {}, servers: {} } : yield* fingerprint(manifest, salt)
  return HttpServerResponse.jsonUnsafe({ salt, ...hashes })
}))

const missing = HttpRouter.add("*", "/*", HttpServerResponse.jsonUnsafe({ error: "not_found", message: "There is nothing at this path" }, { status: 404 }))

export const routes = Layer.mergeAll(forgetUser, live, ready, servers, activity, fingerprints, missing)
