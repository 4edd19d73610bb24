/**
 * Structured logs on standard error: one JSON object a line, or readable lines on a
 * terminal, where foreign text can neither steer it nor pass for an entry of its own.
 * Everything passes the redactor.
 */
import { type Layer, Logger } from "effect"
import { printable, printableJson } from "../lib/Printable.ts"
import type { Redactor } from "./Redaction.ts"

export type LogFormat = "auto" | "json" | "text"

export const logs = (redactor: Redactor, format: LogFormat): Layer.Layer<never> => {
  const isText = format === "text" || (format === "auto" && process.stderr.isTTY)
  const write = (line: string) => {
    process.stderr.write(`${line}\n`)
  }
  const logger = isText
    ? Logger.map(Logger.formatStructured, (entry) => write(indented(redactor.redact(printable(textOf(entry))))))
    : Logger.map(Logger.formatStructured, (entry) => write(printableJson(redactor.redact(JSON.stringify(flat(entry))))))
  return Logger.layer([logger])
}

type Entry = Parameters<Parameters<typeof Logger.map<unknown, EntryOf, void>>[1]>[0]
type EntryOf = typeof Logger.formatStructured extends Logger.Logger<unknown, infer Output> ? Output : never

const indented = (text: string): string => text.replaceAll("\n", "\n    ")

const messageOf = (message: unknown): string =>
  (Array.isArray(message) ? message : [message]).map((part) => typeof part === "string" ? part : JSON.stringify(part)).join(" ")

const flat = ({ annotations, cause, level, message, timestamp }: Entry) => ({
  time: timestamp,
  level: level.toLowerCase(),
  message: messageOf(message),
  ...annotations,
  ...(cause === undefined ? {} : { cause })
})

const textOf = ({ annotations, cause, level, message, timestamp }: Entry): string => {
  const { server, ...others } = annotations
  const fields = Object.entries(others).map(([key, value]) => ` ${key}=${String(value)}`).join("")
  const who = server === undefined ? "" : `${String(server)}: `
  return `${timestamp.slice(11, 23)} ${level.toUpperCase().padEnd(5)} ${who}${messageOf(message)}${fields}${cause === undefined ? "" : `\n${cause}`}`
}
