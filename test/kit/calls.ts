/** Calls without a client library, for tests that make thousands of them. */

export interface Called {
  readonly status: number
  readonly error: string | undefined
  readonly text: string
}

export interface ToolCall {
  readonly name: string
  readonly args?: object
  readonly id?: number | string
  /** Beside those that the revision asks for. */
  readonly headers?: Readonly<Record<string, string>>
  /** What the client can be asked; nothing when left out. */
  readonly capabilities?: object
}

/** One tools/call of revision 2026-07-28, as a single POST. */
export const postCall = (url: string, { args = {}, capabilities = {}, headers = {}, id = 1, name }: ToolCall): Promise<Response> =>
  fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": name,
      ...headers
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id,
      method: "tools/call",
      params: {
        name,
        arguments: args,
        _meta: {
          "io.modelcontextprotocol/protocolVersion": "2026-07-28",
          "io.modelcontextprotocol/clientCapabilities": capabilities
        }
      }
    })
  })

/** The same, with its answer read. */
export const call = async (url: string, name: string, args: object, id: number | string = 1): Promise<Called> => {
  const response = await postCall(url, { name, args, id })
  const answer = JSON.parse(await response.text())
  return {
    status: response.status,
    error: answer.error?.message,
    text: (answer.result?.content ?? []).map((block: { readonly text?: string }) => block.text ?? "").join("")
  }
}

export interface ServerStatus {
  readonly id: string
  readonly wanted: { readonly generation: number; readonly problem?: string }
  readonly actual: { readonly phase: string; readonly generation?: number; readonly since: string; readonly restarts: number; readonly why?: string }
  readonly offers: { readonly tools: number }
}

export const statusOf = async (url: string): Promise<{
  readonly generation: number
  readonly manifest: { readonly state: string; readonly problems: ReadonlyArray<string> }
  readonly plugins: ReadonlyArray<string>
  readonly servers: ReadonlyArray<ServerStatus>
}> => JSON.parse(await (await fetch(new URL("/api/v1/servers", url))).text())

/** Asks again until `holds` says yes; fails after `seconds`, with what was seen last. */
export const until = async <A>(ask: () => Promise<A>, holds: (value: A) => boolean, seconds = 20): Promise<A> => {
  const end = performance.now() + seconds * 1000
  for (;;) {
    const value = await ask()
    if (holds(value)) return value
    if (performance.now() > end) throw new Error(`not within ${seconds} s: ${JSON.stringify(value)}`)
    await new Promise((again) => setTimeout(again, 20))
  }
}

/** Waits until each of these servers serves the form that is wanted. */
export const serving = (url: string, ...ids: ReadonlyArray<string>) =>
  until(() => statusOf(url), ({ servers }) =>
    ids.every((id) => {
      const server = servers.find((one) => one.id === id)
      return server?.actual.phase === "ready" && server.actual.generation !== undefined && server.wanted.problem === undefined
    }))

/** Calls `name` from several callers at once until it is stopped; gives how often, and each answer that was no answer. */
export const load = (url: string, name: string, args: object, callers = 8) => {
  const over = new AbortController()
  let done = 0
  const failures: Array<string> = []
  const answers = new Set<string>()
  const caller = async (_: unknown, index: number) => {
    while (!over.signal.aborted) {
      const answer = await call(url, name, args, `${index}-${done}`).catch((cause: unknown) => ({ status: 0, error: String(cause), text: "" }))
      done++
      if (answer.error !== undefined || answer.status !== 200) failures.push(`${answer.status} ${answer.error}`)
      else answers.add(answer.text)
    }
  }
  const all = Promise.all(Array.from({ length: callers }, caller))
  return {
    failures,
    answers,
    stop: async () => {
      over.abort()
      await all
      return done
    }
  }
}
