/** `sandbox:` and `limits:` of a server: what separates it from the machine, and how much of it a server gets. */
import { Schema } from "effect"
import { ImageName, isExact } from "../lib/ImageName.ts"
import { Size } from "../lib/Size.ts"
import { about, Text } from "./Fields.ts"

const Mode = Schema.Literals(["none", "process", "container"])

const Folder = Text.check(Schema.isPattern(/^[^:,"\n]+(?::(?:ro|rw))?$/u, { expected: "a folder such as ./data, or ./data:rw to write too, without commas and quotes" }))

const Image = ImageName.check(Schema.makeFilter<string>((text) => isExact(text) || "write it by digest, such as name@sha256:... with 64 hex digits"))

export const SandboxSettings = Schema.Struct({
  mode: about(Mode, "What separates the server from the machine: nothing, bubblewrap, or a container around it"),
  network: Schema.optionalKey(about(Schema.Boolean, "Whether it may use the network; false when left out")),
  folders: Schema.optionalKey(about(Schema.Array(Folder), "Folders and files it may see beside its own code, relative to the manifest: ./data, or ./data:rw to write too")),
  image: Schema.optionalKey(about(Image, "For mode container: the image with the system that the server runs on, by digest")),
  engine: Schema.optionalKey(about(Schema.Literals(["docker", "podman"]), "For mode container: the engine's command; docker when left out"))
}).check(Schema.makeFilter(({ engine, folders, image, mode, network }) => {
  if (mode === "container" && image === undefined) return { path: ["image"], issue: "a container needs the image to run, by digest" }
  const [foreign] = Object.entries(mode === "container" ? {} : mode === "none" ? { engine, folders, image, network } : { engine, image })
    .flatMap(([key, value]) => value === undefined ? [] : [key])
  return foreign === undefined || { path: [foreign], issue: `means nothing with mode ${mode}` }
}))

export const SandboxKey = Schema.Union([
  Mode.pick(["none", "process"]),
  SandboxSettings
])

/** What separates a server from the machine. */
export type Sandbox = Schema.Schema.Type<typeof SandboxSettings>

export const sandboxOf = (written: Schema.Schema.Type<typeof SandboxKey>): Sandbox =>
  typeof written === "string" ? { mode: written } : written

export const Limits = Schema.Struct({
  memory: Schema.optionalKey(about(Size, "Most memory, such as 512 MiB")),
  cpu: Schema.optionalKey(about(Schema.Finite.check(Schema.isBetween({ minimum: 0.01, maximum: 1024 })), "Most processors, such as 0.5")),
  processes: Schema.optionalKey(about(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 })), "Most processes, each thread counted")),
  open_files: Schema.optionalKey(about(Schema.Int.check(Schema.isBetween({ minimum: 16, maximum: 1_000_000 })), "Most files that one process has open"))
})
