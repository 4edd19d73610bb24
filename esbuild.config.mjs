/**
 * `npm run build`: dist/manifold.mjs, the gateway in one file that needs nothing beside it,
 * and dist/worker.mjs for Workers, which must not reach a single Node built-in.
 */
import { build } from "esbuild"
import { existsSync } from "node:fs"
import { chmod, readFile } from "node:fs/promises"
import { isBuiltin } from "node:module"

const { version } = JSON.parse(await readFile("package.json", "utf8"))
const common = {
  bundle: true,
  format: "esm",
  legalComments: "none",
  logLevel: "warning",
  define: { "process.env.MANIFOLD_VERSION": JSON.stringify(version) }
}

if (existsSync("src/main.ts")) {
  await build({
    ...common,
    entryPoints: ["src/main.ts"],
    outfile: "dist/manifold.mjs",
    platform: "node",
    target: "node22",
    minifySyntax: true,
    minifyWhitespace: true,
    external: ["redis", "ioredis"],
    // CommonJS dependencies call require(); an ES module has none.
    banner: {
      js: "#!/usr/bin/env node\nimport{createRequire as manifoldRequire}from\"node:module\";const require=manifoldRequire(import.meta.url);"
    }
  })
  await chmod("dist/manifold.mjs", 0o755)
  console.log("dist/manifold.mjs")
} else console.log("no src/main.ts yet: dist/manifold.mjs left out")

const refuseNode = {
  name: "refuse-node",
  setup: ({ onResolve }) =>
    // esbuild reads the filter as a Go expression, which knows no "u" flag.
    onResolve({ filter: /.*/ }, ({ importer, path }) =>
      isBuiltin(path) ? { errors: [{ text: `${path} does not exist on Workers (imported by ${importer})` }] } : undefined)
}

if (existsSync("src/worker.ts")) {
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
} else console.log("no src/worker.ts yet: dist/worker.mjs left out")
