/** Tools and what they answer, as a person reads them. */
import type { CallToolResult, Tool } from "./Client.ts"
import { isRecord } from "../lib/Record.ts"
import { nearest } from "../manifest/Nearest.ts"
import { oneLine, wrapped } from "./Layout.ts"
import { printable } from "../lib/Printable.ts"

/** One tool per entry: its name with its arguments, then what it does in two lines at most. */
export const sayTools = (tools: ReadonlyArray<Tool>, width: number): string =>
  tools.length === 0
    ? "No server offers a tool now; `manifold status` says why."
    : tools.map((tool) => [sayHead(tool), ...sayPurpose(tool, width)].join("\n")).join("\n")

const sayPurpose = ({ description, title }: Tool, width: number): ReadonlyArray<string> => {
  const text = oneLine(description ?? title ?? "")
  const [first = "", second, ...rest] = wrapped("    ", text, width - 4)
  if (text === "") return []
  return second === undefined ? [first] : [first, rest.length === 0 ? second : `${second} ...`]
}

/** `files__read(path, head?)` */
const sayHead = ({ inputSchema, name }: Tool): string => {
  const required = inputSchema.required ?? []
  const names = Object.keys(inputSchema.properties ?? {})
  return `${printable(name)}(${names.map((each) => oneLine(required.includes(each) ? each : `${each}?`)).join(", ")})`
}

/** Says that there is no such tool, and which was probably meant. */
export const sayUnknown = (name: string, tools: ReadonlyArray<Tool>): string => {
  const names = tools.map((tool) => tool.name)
  const close = nearest(name, names)
  const ends = names.filter((each) => each !== close && each.endsWith(`_${name}`))
  const meant = [...(close === undefined ? [] : [close]), ...ends].slice(0, 5)
  const hint = meant.length === 0 ? "`manifold tools list` shows all of them." : `Did you mean ${meant.join(", ")}?`
  return `There is no tool "${printable(name)}". ${hint}`
}

/** The content blocks in their order; structured content where it says more than the text. */
export const sayResult = ({ content, structuredContent }: CallToolResult): string => {
  const blocks = content.map(sayBlock)
  const isRepeated = content.some((block) => block.type === "text" && isJsonOf(block.text, structuredContent))
  const structured = structuredContent === undefined || isRepeated ? [] : [JSON.stringify(structuredContent, null, 2)]
  return printable([...blocks, ...structured].join("\n"))
}

type Block = CallToolResult["content"][number]

const sayBlock = (block: Block): string => {
  switch (block.type) {
    case "text":
      return block.text
    case "image":
    case "audio":
      return `[${block.mimeType}, ${sayBytes(block.data)}]`
    case "resource_link":
      return `[${[block.title ?? block.name, block.mimeType].filter((part) => part !== undefined).join(", ")}] ${block.uri}`
    case "resource":
      return "text" in block.resource
        ? `[${block.resource.uri}]\n${block.resource.text}`
        : `[${block.resource.uri}, ${block.resource.mimeType ?? "binary"}, ${sayBytes(block.resource.blob)}]`
  }
}

/** Of Base64. */
const sayBytes = (data: string): string => {
  const bytes = Math.floor(data.replace(/=+$/u, "").length * 3 / 4)
  return bytes < 1000 ? `${bytes} B` : bytes < 1_000_000 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}

const isJsonOf = (text: string, value: unknown): boolean => {
  if (!isRecord(value)) return false
  try {
    return JSON.stringify(JSON.parse(text)) === JSON.stringify(value)
  } catch {
    return false
  }
}
