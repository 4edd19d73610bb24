/**
 * An auth strategy of the plain face: the contract of `Auth.ts` as async functions over plain values.
 * It never sees the inbound token. Secrets are texts here; the host seals, hides and sends them.
 */
import type { Away, Leaving } from "./Auth.ts"
import type { Interruptible, PlainContext } from "./PlainContext.ts"

/** Who calls, as verified by the gateway. Two are the same when issuer and subject are. */
export interface PlainPrincipal {
  readonly issuer: string
  readonly subject: string
  readonly clientId?: string
  readonly scopes?: ReadonlyArray<string>
  readonly claims?: Readonly<Record<string, unknown>>
}

/** A reason for the caller to read; without secrets. */
export interface PlainRefused {
  readonly refused: string
}

/** Headers for one call; none of them sends nothing. */
export interface PlainHeaders {
  readonly headers: Readonly<Record<string, string>>
}

/** The user has to consent first, to these scopes; where that leads is a matter of `consent.begin`. */
export interface PlainConsentNeeded {
  readonly consent: {
    readonly scopes?: ReadonlyArray<string>
    readonly authorizationEndpoint?: string
    readonly tokenEndpoint?: string
    readonly clientId?: string
    readonly returnAddress?: string
  }
}

export type PlainCredential = PlainHeaders | PlainRefused | PlainConsentNeeded

type ForPrincipal = Interruptible & { readonly principal: PlainPrincipal }

/** What a user came back with. */
export interface PlainArrived {
  readonly code: string
  /** RFC 7636, 4.1. */
  readonly codeVerifier: string
  readonly redirectUri: string
  readonly nonce: string
  /** What was asked for. */
  readonly scopes: ReadonlyArray<string>
}

/** How a user consents at another server; the gateway leads there and back, and checks who it is and who answers. */
export interface PlainConsent {
  readonly scopes: ReadonlyArray<string>
  /** Where the user is sent: `url` carries the state and the code challenge. */
  readonly begin: (call: Interruptible & Leaving) => Promise<Pick<Away, "url" | "issuer"> & Partial<Away> | PlainRefused>
  /** Keeps what was granted, for this user alone. What it throws is not repeated anywhere: it may hold the code. */
  readonly finish: (call: ForPrincipal & PlainArrived) => Promise<PlainRefused | void>
  readonly has: (call: ForPrincipal) => Promise<boolean>
  /** Gives up what was granted, of one user, or of all where there is no `principal`; answers of how many. */
  readonly forget: (call: Interruptible & { readonly principal?: PlainPrincipal }) => Promise<number>
}

export interface PlainAuth {
  readonly credential: (call: ForPrincipal & { readonly server: { readonly id: string } }) => Promise<PlainCredential>
  /** Hears that the backend did not take the credential of a call; when it answers with nothing, the call is made once more. */
  readonly rejected?: (
    call: ForPrincipal & {
      readonly status: 401 | 403
      readonly scopes: ReadonlyArray<string>
      /** What the call went out with, where that is known: another call may have brought newer ones meanwhile. */
      readonly headers?: Readonly<Record<string, string>>
    }
  ) => Promise<PlainRefused | PlainConsentNeeded | void>
  /** For what the gateway asks on its own account, such as lists; nothing is sent without it. */
  readonly own?: (call: Interruptible & { readonly server: { readonly id: string } }) => Promise<PlainHeaders | PlainRefused>
  /** Where the credential is the user's own: how it is got. What is listed with it is for that user alone. */
  readonly consent?: PlainConsent
  readonly close?: () => Promise<void> | void
}

export interface PlainFresh {
  readonly value: string
  /** Milliseconds since 1970, after which the row is as good as none. */
  readonly expires?: number | undefined
}

export interface PlainKept extends PlainFresh {
  /** Tells one writing of a row from the next. */
  readonly version: number
}

type Key = ReadonlyArray<string>

/** Rows of the vault that are this server's alone. What the vault cannot do rejects. */
export interface PlainKeep {
  readonly get: (key: Key) => Promise<PlainKept | undefined>
  readonly put: (key: Key, fresh: PlainFresh) => Promise<void>
  readonly remove: (key: Key) => Promise<void>
  readonly keys: () => Promise<ReadonlyArray<Key>>
  /**
   * Runs a refresh of the row once, however many ask for it in however many processes, and gives all of them the row after it.
   * Where the refresh says that what was granted is gone, it gives nothing; where it throws, it rejects and the row stays.
   * @param seen the version that is to be refreshed; where there is a later one, that is the outcome
   */
  readonly refreshed: (
    key: Key,
    seen: number,
    refresh: (before: PlainKept, call: Interruptible) => Promise<PlainFresh | { readonly gone: string }>
  ) => Promise<PlainKept | undefined>
}

/** What `start` of a strategy is told: it is built for one server. */
export interface PlainAuthContext extends PlainContext {
  readonly server: {
    readonly id: string
    /** Its canonical URI (RFC 8707); absent for one that is not reached at an address of its own. */
    readonly resource?: string
    /** Where authorization servers send users back to. */
    readonly returnAddress: () => string
    /** Where the gateway describes itself as a client, for this server (a client id metadata document). */
    readonly clientAddress: () => string
  }
  readonly keep: PlainKeep
}
