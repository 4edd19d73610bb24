/**
 * One HTTP/1.1 connection on a raw socket, one request at a time: far cheaper than node:http,
 * so that the load does not take the processor from what is measured.
 */
import { connect, type Socket } from "node:net"

export interface Answer {
  readonly status: number
  readonly head: string
  readonly body: string
}

const blankLine = Buffer.from("\r\n\r\n")
const lastChunk = Buffer.from("0\r\n\r\n")

export class Connection {
  readonly #socket: Socket
  #received: Buffer = Buffer.alloc(0)
  #waiting: ((answer: Answer | Error) => void) | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on("data", (chunk) => this.#take(chunk))
    for (const event of ["error", "close"] as const) socket.on(event, () => this.#settle(new Error(`connection: ${event}`)))
  }

  static open(url: URL): Promise<Connection> {
    return new Promise((done, failed) => {
      const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true })
      socket.once("error", failed)
      socket.once("connect", () => done(new Connection(socket)))
    })
  }

  /** Whoever is not used for long is closed by the other side. */
  get isOpen(): boolean {
    return !this.#socket.destroyed && this.#socket.writable
  }

  /** `head` is the request line and the headers, each with its line end. */
  send(head: string, body: string): Promise<Answer> {
    return new Promise((done, failed) => {
      this.#waiting = (answer) => answer instanceof Error ? failed(answer) : done(answer)
      this.#socket.write(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #settle(answer: Answer | Error) {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.(answer)
  }

  #take(chunk: Buffer) {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    const headEnd = this.#received.indexOf(blankLine)
    if (headEnd === -1) return
    const head = this.#received.toString("latin1", 0, headEnd)
    const length = /\r\ncontent-length: *(\d+)/iu.exec(head)?.[1]
    const bodyStart = headEnd + blankLine.length
    const complete = length === undefined
      ? this.#received.subarray(-lastChunk.length).equals(lastChunk) || head.startsWith("HTTP/1.1 202")
      : this.#received.length >= bodyStart + Number(length)
    if (!complete) return
    const body = this.#received.toString("utf8", bodyStart)
    this.#received = Buffer.alloc(0)
    this.#settle({ status: Number(head.slice(9, 12)), head, body })
  }
}
