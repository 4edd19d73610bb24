/**
 * What tests start as `manifold`: the bundle that users get, built before the tests from these very sources
 * (`globalSetup` of the slow project). It starts in a quarter of the time that the sources need.
 */
import { execFileSync } from "node:child_process"
import { resolve } from "node:path"

export const MAIN = resolve("dist/manifold.mjs")

export const setup = (): void => {
  execFileSync("node", ["esbuild.config.mjs"])
}
