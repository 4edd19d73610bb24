/** `manifold vault rotate`: another master key, while gateways run over the vault or not. */
import { Console, Effect, Layer, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { resolve } from "node:path"
import { isThere, replace, writeNew } from "../vault/KeyFile.node.ts"
import { type GivenKey, KeySource } from "../vault/KeySource.ts"
import { inFile } from "../vault/KeySource.node.ts"
import { freshKey } from "../vault/MasterKey.ts"
import { Rotation, RotationRefused } from "../vault/Rotation.ts"
import { kept, placeOf, reported, servicesAt } from "./Kept.ts"
import { counted } from "./Layout.ts"

/** The key of the file; where there is none, it gets the one that a rotation was cut short on the way to, or a random one. */
const keyIn = Effect.fnUntraced(function*(file: string, unfinished: GivenKey["bytes"] | undefined) {
  if (!isThere(file)) yield* writeNew(file, unfinished ?? freshKey())
  return yield* inFile(file)
})

const run = Effect.fnUntraced(function*(newKeyFile: string | undefined) {
  const source = yield* KeySource
  const rotation = yield* Rotation
  const given = yield* source.find
  const file = given?.file
  if (newKeyFile === undefined && file === undefined && given !== undefined) {
    return yield* new RotationRefused({ reason: `it comes from ${given.source}; say with --new-key-file which is the next one` })
  }
  const unfinished = yield* rotation.unfinished
  const next = newKeyFile === undefined ? unfinished ?? freshKey() : (yield* keyIn(newKeyFile, unfinished)).bytes
  const settled = newKeyFile === undefined && file !== undefined ? replace(file, next) : Effect.void
  const { from, resumed, rows, to } = yield* rotation.rotate(next, settled)
  yield* Console.log(`${resumed ? "Finished the rotation that was begun: " : ""}${counted(rows, "row")} sealed anew, from key ${from} to key ${to}`)
  if (newKeyFile === undefined) return yield* Console.log(`The new key is in ${file}`)
  yield* Console.log(`Now put the key of ${newKeyFile} where ${given?.source ?? "the vault's key comes from"} has it: the old one starts a gateway for ten more minutes`)
})

export const rotate = Command.make("rotate", {
  file: Flag.String("new-key-file").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("The next key, 32 random bytes in base64; made when there is no such file. Needed where the key does not come from a file"),
    Flag.optional
  ),
  ...kept
}, Effect.fnUntraced(function*(input) {
  const place = yield* placeOf(input)
  const services = Layer.provideMerge(Rotation.layer, servicesAt(place))
  yield* run(Option.getOrUndefined(Option.map(input.file, (file) => resolve(file)))).pipe(Effect.provide(services))
}, reported)).pipe(
  Command.withDescription(
    "Seal the vault under another master key. Gateways may run: they take the new key by themselves within a minute. " +
      "When it is cut short, run it again: it goes on where it was"
  ),
  Command.withShortDescription("Seal the vault under another master key"),
  Command.withExamples([
    { command: "manifold vault rotate -m manifold.yaml", description: "Where the key comes from a file: the file gets a new random one" },
    { command: "manifold vault rotate --new-key-file next.key -m manifold.yaml", description: "To the key of a file" }
  ])
)
