/** A Python package index on loopback (PEP 503) with wheels made for a test; it remembers what it is asked for. */
import { Effect, Stream } from "effect"
import { Zip } from "effect/encoding"
import { createHash } from "node:crypto"
import { createServer } from "node:http"

export interface WheelText {
  readonly name: string
  readonly version: string
  /** Modules by their path. */
  readonly files: Readonly<Record<string, string>>
  /** Commands, each as `module:function`. */
  readonly scripts?: Readonly<Record<string, string>>
  readonly requires?: ReadonlyArray<string>
  readonly requiresPython?: string
  /** The machine that the wheel is for, as the end of its name says; any unless told. */
  readonly platform?: string
  /** When it was uploaded; an index of JSON says so (PEP 700). */
  readonly uploaded?: string
  /** Offered as sources alone. */
  readonly isSdist?: boolean
}

export interface WheelIndex {
  readonly url: string
  /** Of all its wheels. */
  readonly hashOf: (name: string) => string
  /** Another version, or other bytes for the same one. */
  readonly publish: (text: WheelText) => Effect.Effect<void>
  readonly requests: ReadonlyArray<string>
}

interface Published {
  readonly text: WheelText
  readonly file: string
  readonly bytes: Uint8Array
}

export const wheelIndexWith = (...texts: ReadonlyArray<WheelText>) => indexOf(texts, false)

/** Its pages are JSON (PEP 691), as those of the public index. */
export const jsonIndexWith = (...texts: ReadonlyArray<WheelText>) => indexOf(texts, true)

const indexOf = Effect.fnUntraced(function*(texts: ReadonlyArray<WheelText>, isJson: boolean) {
  const published: Array<Published> = []
  const publish = (text: WheelText) =>
    Effect.map(bytesOf(text), (bytes) => {
      const dist = text.name.replace(/[-_.]+/gu, "_")
      const file = text.isSdist === true ? `${dist}-${text.version}.tar.gz` : `${dist}-${text.version}-py3-none-${text.platform ?? "any"}.whl`
      const index = published.findIndex((each) => each.file === file)
      published.splice(index === -1 ? published.length : index, 1, { text, file, bytes })
    })
  yield* Effect.forEach(texts, publish)
  const { requests, url } = yield* Effect.acquireRelease(Effect.promise(() => serving(published, isJson)), ({ close }) => Effect.sync(close))
  const hashOf = (name: string) => published.filter(({ text }) => text.name === name).map(({ bytes }) => `sha256:${sha256(bytes)}`).sort().join(" ")
  return { url: `${url}/simple`, hashOf, publish, requests } satisfies WheelIndex
})

const serving = (published: ReadonlyArray<Published>, isJson: boolean) =>
  new Promise<{ readonly url: string; readonly requests: ReadonlyArray<string>; readonly close: () => void }>((resolve) => {
    const requests: Array<string> = []
    const server = createServer((request, response) => {
      const path = request.url ?? ""
      requests.push(path)
      const file = published.find((each) => path === `/files/${each.file}`)
      if (file !== undefined) return response.end(file.bytes)
      const [, name] = /^\/simple\/([^/]+)\/$/u.exec(path) ?? []
      const own = published.filter(({ text }) => text.name === name)
      if (isJson && own.length > 0) {
        response.setHeader("content-type", "application/vnd.pypi.simple.v1+json")
        const files = own.map(({ bytes, file, text: { uploaded } }) =>
          ({ filename: file, url: `/files/${file}`, hashes: { sha256: sha256(bytes) }, ...(uploaded === undefined ? {} : { "upload-time": uploaded }) }))
        return response.end(JSON.stringify({ meta: { "api-version": "1.0" }, name, files }))
      }
      const links = own.map(linkTo)
      if (links.length === 0) return response.writeHead(404).end()
      response.setHeader("content-type", "text/html")
      response.end(`<!DOCTYPE html><html><body>${links.join("\n")}</body></html>`)
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resolve({
        url: `http://127.0.0.1:${port}`,
        requests,
        close: () => {
          server.closeAllConnections()
          server.close()
        }
      })
    })
  })

const linkTo = ({ bytes, file, text: { requiresPython } }: Published) => {
  const requires = requiresPython === undefined ? "" : ` data-requires-python="${requiresPython.replaceAll("<", "&lt;").replaceAll(">", "&gt;")}"`
  return `<a href="/files/${file}#sha256=${sha256(bytes)}"${requires}>${file}</a>`
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")

const bytesOf = (text: WheelText): Effect.Effect<Uint8Array> => {
  const all = filesOf(text)
  const record = `${text.name.replace(/[-_.]+/gu, "_")}-${text.version}.dist-info/RECORD`
  const entries = Object.entries({ ...all, [record]: [...Object.keys(all), record].map((path) => `${path},,\n`).join("") })
  return Stream.fromIterable(entries.map(([path, content]) => Zip.file(path, content))).pipe(
    Stream.pipeThroughChannel(Zip.encode()),
    Stream.runCollect,
    Effect.map((chunks) => new Uint8Array(Buffer.concat([...chunks]))),
    Effect.orDie
  )
}

const filesOf = ({ files, name, requires = [], requiresPython = ">=3.9", scripts = {}, version }: WheelText): Readonly<Record<string, string>> => {
  const info = `${name.replace(/[-_.]+/gu, "_")}-${version}.dist-info`
  return {
    ...files,
    [`${info}/METADATA`]: [
      "Metadata-Version: 2.1",
      `Name: ${name}`,
      `Version: ${version}`,
      `Requires-Python: ${requiresPython}`,
      ...requires.map((each) => `Requires-Dist: ${each}`),
      ""
    ].join("\n"),
    [`${info}/WHEEL`]: "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    [`${info}/entry_points.txt`]: `[console_scripts]\n${Object.entries(scripts).map(([script, target]) => `${script} = ${target}\n`).join("")}`
  }
}
