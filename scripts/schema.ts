/** Writes manifests/manifest.schema.json; with --check it only says (exit 1) whether the file is stale. */
import { readFileSync, writeFileSync } from "node:fs"
import { builtIn } from "../plugins/node.ts"
import { sayJsonSchema } from "../src/manifest/JsonSchema.ts"

const file = new URL("../manifests/manifest.schema.json", import.meta.url)
const wanted = sayJsonSchema(builtIn)

const written = () => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return ""
  }
}

if (!process.argv.includes("--check")) {
  writeFileSync(file, wanted)
  console.log("manifests/manifest.schema.json written")
} else if (written() === wanted) {
  console.log("manifests/manifest.schema.json is fresh")
} else {
  console.error("manifests/manifest.schema.json is stale: run node scripts/schema.ts")
  process.exitCode = 1
}
