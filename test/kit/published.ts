/** Servers that others have published on npm, each with one call and what its answer must contain. */
import { join } from "node:path"

export interface Published {
  readonly id: string
  readonly package: string
  readonly version: string
  readonly args?: ReadonlyArray<string>
  readonly tool: string
  readonly arguments?: Readonly<Record<string, unknown>>
  readonly answer: RegExp
}

/** `folder` holds `hello.txt` ("hello there"), `faulty.js` with an unused variable, and a configuration for eslint. */
export const publishedServers = (folder: string): ReadonlyArray<Published> => [
  {
    id: "everything",
    package: "@modelcontextprotocol/server-everything",
    version: "2026.8.31",
    tool: "echo",
    arguments: { message: "through the gateway" },
    answer: /through the gateway/u
  },
  {
    id: "files",
    package: "@modelcontextprotocol/server-filesystem",
    version: "2026.8.31",
    args: [folder],
    tool: "read_text_file",
    arguments: { path: join(folder, "hello.txt") },
    answer: /hello there/u
  },
  {
    id: "memory",
    package: "@modelcontextprotocol/server-memory",
    version: "2026.8.31",
    tool: "read_graph",
    answer: /"entities"/u
  },
  {
    id: "thinking",
    package: "@modelcontextprotocol/server-sequential-thinking",
    version: "2026.8.31",
    tool: "sequentialthinking",
    arguments: { thought: "one", thoughtNumber: 1, totalThoughts: 1, nextThoughtNeeded: false },
    answer: /"thoughtNumber": 1/u
  },
  { id: "hello", package: "mcp-hello-world", version: "1.1.2", tool: "add", arguments: { a: 19, b: 23 }, answer: /42/u },
  {
    id: "lint",
    package: "@eslint/mcp",
    version: "0.3.13",
    tool: "lint-files",
    arguments: { filePaths: [join(folder, "faulty.js")] },
    answer: /faulty\.js/u
  },
  {
    id: "pack",
    package: "repomix",
    version: "1.14.0",
    args: ["--mcp"],
    tool: "file_system_read_file",
    arguments: { path: join(folder, "hello.txt") },
    answer: /hello there/u
  },
  {
    id: "time",
    package: "@modelcontextprotocol/server-basic-react",
    version: "2.0.3",
    args: ["--stdio"],
    tool: "get-time",
    answer: /\d{4}-\d\d-\d\dT/u
  }
]
