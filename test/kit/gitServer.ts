/** Git repositories made for a test, and real servers for them on loopback: smart HTTP (git http-backend) and ssh. */
import { execFileSync, spawn } from "node:child_process"
import { chmodSync, mkdirSync, writeFileSync } from "node:fs"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { dirname, join } from "node:path"
import { Effect } from "effect"

const ENVIRONMENT = {
  PATH: process.env["PATH"] ?? "",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "A",
  GIT_AUTHOR_EMAIL: "a@example.com",
  GIT_COMMITTER_NAME: "A",
  GIT_COMMITTER_EMAIL: "a@example.com"
}

/** Runs git in a folder and gives what it printed. */
export const gitIn = (folder: string, ...args: ReadonlyArray<string>): string =>
  execFileSync("git", ["-C", folder, "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always", "-c", "core.protectNTFS=false", ...args], {
    env: ENVIRONMENT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"]
  }).trim()

export type Files = Readonly<Record<string, string>>

/** Writes files; what begins with `#!` becomes executable. */
export const write = (folder: string, files: Files) => {
  for (const [name, text] of Object.entries(files)) {
    const file = join(folder, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    if (text.startsWith("#!")) chmodSync(file, 0o755)
  }
}

/** A working copy, for more than `commits` can say. */
export const workingCopy = (folder: string, files: Files): string => {
  mkdirSync(folder, { recursive: true })
  gitIn(folder, "init", "--quiet")
  return commitTo(folder, files)
}

/** One more commit; gives its full name. */
export const commitTo = (folder: string, files: Files): string => {
  write(folder, files)
  gitIn(folder, "add", "--all", "--force")
  gitIn(folder, "commit", "--quiet", "--allow-empty", "--message", "more")
  return gitIn(folder, "rev-parse", "HEAD")
}

/** Makes (or renews) the bare repository that servers show. */
export const publish = (copy: string, bare: string) => {
  mkdirSync(dirname(bare), { recursive: true })
  gitIn(".", "init", "--quiet", "--bare", bare)
  gitIn(copy, "push", "--quiet", "--force", "--mirror", bare)
}

export interface GitServer {
  /** Address of a repository in the folder. */
  readonly url: (name: string) => string
  /** Method, path and authorization of each request. */
  readonly requests: ReadonlyArray<{ readonly path: string; readonly authorization: string | undefined }>
}

export interface Serving {
  /** Of `Basic`, as `user:token`; anybody is let in without it. */
  readonly credential?: string
  /** A free one unless told. */
  readonly port?: number
  /** Speaks the oldest protocol alone, in which a commit that is no tip is refused. */
  readonly isOld?: boolean
  /** Answers instead of git. */
  readonly answer?: (request: IncomingMessage, response: ServerResponse) => boolean
}

/** Scoped: the bare repositories of a folder over smart HTTP. */
export const gitServer = (folder: string, serving: Serving = {}) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(() => listen(folder, serving)),
      ({ close }) => Effect.sync(close)
    ),
    ({ server }): GitServer => server
  )

const listen = (folder: string, { answer, credential, isOld = false, port: wanted = 0 }: Serving) =>
  new Promise<{ readonly server: GitServer; readonly close: () => void }>((resolve) => {
    const requests: Array<GitServer["requests"][number]> = []
    const server = createServer((request, response) => {
      const { authorization } = request.headers
      requests.push({ path: request.url ?? "", authorization })
      if (answer?.(request, response) === true) return
      if (credential !== undefined && authorization !== `Basic ${btoa(credential)}`) {
        return response.writeHead(401, { "www-authenticate": "Basic realm=\"git\"" }).end()
      }
      return backend(folder, isOld, request, response)
    })
    server.listen(wanted, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resolve({
        server: { url: (name) => `http://127.0.0.1:${port}/${name}`, requests },
        close: () => {
          server.closeAllConnections()
          server.close()
        }
      })
    })
  })

/** git's own CGI program. */
const backend = (folder: string, isOld: boolean, request: IncomingMessage, response: ServerResponse) => {
  const { pathname, search } = new URL(request.url ?? "/", "http://localhost")
  const { headers } = request
  const cgi = spawn("git", ["http-backend"], {
    env: {
      ...ENVIRONMENT,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: decodeURIComponent(pathname),
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method ?? "GET",
      CONTENT_TYPE: headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: headers["content-encoding"] ?? "",
      ...(isOld ? {} : { HTTP_GIT_PROTOCOL: String(headers["git-protocol"] ?? "") }),
      ...(headers["content-length"] === undefined ? {} : { CONTENT_LENGTH: headers["content-length"] }),
      REMOTE_ADDR: "127.0.0.1"
    },
    stdio: ["pipe", "pipe", "ignore"]
  })
  cgi.stdin.on("error", () => {})
  request.pipe(cgi.stdin)
  response.once("close", () => cgi.kill())
  let head = Buffer.alloc(0)
  cgi.stdout.on("data", (chunk: Buffer) => {
    if (response.headersSent) return response.write(chunk)
    head = Buffer.concat([head, chunk])
    const end = head.indexOf("\r\n\r\n")
    if (end === -1) return
    const fields = head.subarray(0, end).toString().split("\r\n").map((line) => /^([^:]+):\s*(.*)$/u.exec(line) ?? [])
    const status = fields.find(([, name]) => name?.toLowerCase() === "status")?.[2]
    for (const [, name, value] of fields) if (name !== undefined && value !== undefined && name.toLowerCase() !== "status") response.setHeader(name, value)
    response.writeHead(status === undefined ? 200 : Number.parseInt(status, 10))
    response.write(head.subarray(end + 4))
  })
  cgi.stdout.on("end", () => response.end())
}
