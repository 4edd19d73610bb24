/**
 * What carries JSON-RPC messages to one backend and back. A transport knows no
 * method and no era; it only says on which request's stream a message came.
 */

/** One message to a backend. */
export interface Outgoing {
  /** JSON-RPC id of a request; `undefined` for notifications and answers. */
  readonly id: number | undefined
  readonly text: string
  /** HTTP headers that belong to this message alone. */
  readonly headers: Readonly<Record<string, string>>
}

/** Why a message did not get an answer. */
export interface Failure {
  readonly kind: "unreachable" | "status" | "stream_ended" | "too_large" | "busy" | "closed"
  /** For people; holds no body of the backend. */
  readonly detail: string
  readonly status?: number
  /** Nobody listens at the address any more. */
  readonly isAway?: boolean
  /** The backend did not take the message: sending it again cannot run it twice. */
  readonly isUnsent?: true
  /** The value of `WWW-Authenticate`, which says who would be let in. */
  readonly challenge?: string
}

export interface Receiver {
  /**
   * `origin` is the request whose stream carried the message; `undefined` on a shared one.
   * Gives whether that request is answered now.
   */
  readonly message: (bytes: Buffer, origin: number | undefined) => boolean
  /** The stream of request `id` ended before its answer, and will be taken up again. */
  readonly paused: (id: number) => void
  /** The request `id` will get no answer. */
  readonly failed: (id: number, failure: Failure) => void
  /** Nothing more can be sent; what is on its way may still be answered, for a moment. */
  readonly lost: (why: string) => void
  /** The transport is gone for good. */
  readonly closed: (why: string) => void
}

export interface Transport {
  readonly kind: "stdio" | "http" | "sse" | "websocket"
  readonly send: (outgoing: Outgoing) => void
  /** Stops waiting for `id`; over HTTP its exchange is aborted. */
  readonly forget: (id: number) => void
  /**
   * Opens the stream for messages that belong to no request, where the transport has one (legacy HTTP GET).
   * @param opened called when the backend has answered, whatever it said
   */
  readonly openStream: (opened: () => void) => void
  /** Version header for all that follows (legacy HTTP, after initialize). */
  readonly agreed: (version: string) => void
  /** Says goodbye where the protocol has a way to (legacy HTTP DELETE); the resources end with their scope. */
  readonly close: () => void
}

/** Largest line or event a backend may send, in bytes. */
export const MESSAGE_LIMIT = 10 * 1024 * 1024

/** Most bytes that may wait for a backend that does not read. */
export const QUEUE_LIMIT = 16 * 1024 * 1024
