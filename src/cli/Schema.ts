/** `manifold schema`: the JSON Schema of the manifest, for editors. */
import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import { sayJsonSchema } from "../manifest/JsonSchema.ts"
import { BuiltIn } from "./BuiltIn.ts"

export const schema = Command.make("schema", {}, () =>
  Effect.flatMap(BuiltIn, (builtIn) => Console.log(sayJsonSchema(builtIn).trimEnd()))).pipe(
    Command.withDescription("Print the JSON Schema of the manifest"),
    Command.withExamples([
      { command: "manifold schema > manifest.schema.json", description: "Keep it beside the manifest, for an editor" }
    ])
  )
