/** The official client (SDK v2), connected to a gateway in one of the two eras and closed with the scope. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { Effect } from "effect"

export type ClientEra = "legacy" | "modern"

const modern = { pin: "2026-07-28" } as const

export interface Answers {
  /** The content of each elicitation that the client accepts. */
  readonly elicitation: Readonly<Record<string, string | number | boolean>>
}

/** With `answers` the client declares that it can be asked, and answers at once. */
export const officialClient = (url: string, era: ClientEra, answers?: Answers) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const mode = era === "legacy" ? "legacy" : modern
      const client = new Client({ name: "test", version: "1.0.0" }, {
        versionNegotiation: { mode },
        ...(answers === undefined ? {} : { capabilities: { elicitation: {}, sampling: {} } })
      })
      if (answers !== undefined) {
        client.setRequestHandler("elicitation/create", () => ({ action: "accept", content: { ...answers.elicitation } }))
        client.setRequestHandler("sampling/createMessage", () => ({
          model: "test",
          role: "assistant",
          content: { type: "text", text: "sampled" }
        }))
      }
      await client.connect(new StreamableHTTPClientTransport(new URL(url)))
      return client
    }),
    (client) => Effect.promise(() => client.close())
  )

/** The text blocks of a tool's result, joined. */
export const textOf = (result: { readonly content?: ReadonlyArray<object> }): string =>
  (result.content ?? []).map((block) => "text" in block ? String(block.text) : "").join("\n")
