/**
 * `npm run build`: dist/manifold.mjs, the gateway in one file that needs nothing beside it,
 * and dist/worker.mjs for Workers, which must not reach a single Node built-in.
 */
import { build } from "esbuild"
import { chmod } from "node:fs/promises"
import { isBuiltin } from "node:module"

const common = {
  bundle: true,
  format: "esm",
  legalComments: "none",
  logLevel: "warning"
}

await build({
  ...common,
  entryPoints: ["src/main.ts"],
  outfile: "dist/manifold.mjs",
  platform: "node",
  target: "node22",
  minifySyntax: true,
  minifyWhitespace: true,
  // For those who look into it, scripts/coverage.ts among them; the file itself does not name it.
  sourcemap: "external",
  sourcesContent: false,
  external: ["redis", "ioredis"],
  // CommonJS dependencies call require(); an ES module has none.
  banner: {
    js: "#!/usr/bin/env node\nimport{createRequire as manifoldRequire}from\"node:module\";const require=manifoldRequire(import.meta.url);"
  }
})
await chmod("dist/manifold.mjs", 0o755)
console.log("dist/manifold.mjs")

const refuseNode = {
  name: "refuse-node",
  setup: ({ onResolve }) =>
    // esbuild reads the filter as a Go expression, which knows no "u" flag.
    onResolve({ filter: /.*/ }, ({ importer, path }) =>
      isBuiltin(path) ? { errors: [{ text: `${path} does not exist on Workers (imported by ${importer})` }] } : undefined)
}

await build({
  ...common,
  entryPoints: ["src/worker.ts"],
  outfile: "dist/worker.mjs",
  platform: "neutral",
  target: "es2024",
  mainFields: ["module", "main"],
  conditions: ["workerd", "worker", "import"],
  minify: true,
  plugins: [refuseNode]
})
console.log("dist/worker.mjs")
