/**
 * The face for plugins that know nothing of Effect: plain objects, async functions and any
 * Standard Schema. Nothing of ours crosses this border, so any version of anything works.
 */
import type { StandardSchema } from "effect"
import type { PlainAuth, PlainAuthContext } from "./PlainAuth.ts"
import type { Interruptible, PlainContext } from "./PlainContext.ts"
import type * as Provider from "./Provider.ts"

export interface PlainResolved {
  readonly source: string
  readonly digest: string
  readonly pin?: Readonly<Record<string, string>> | undefined
}

export type PlainLaunch =
  | {
    readonly command: string
    readonly args?: ReadonlyArray<string>
    readonly environment?: Readonly<Record<string, string>>
    readonly directory?: string
  }
  | {
    readonly url: string
    readonly transport?: "auto" | "streamable_http" | "sse"
    readonly headers?: Readonly<Record<string, string>>
  }

type Prepared = Interruptible & { readonly directory: string; readonly resolved: PlainResolved }

export interface PlainLoader {
  readonly swap?: "overlap" | "stop_first"
  readonly resolve: (call: Interruptible) => Promise<PlainResolved>
  /** Fills the empty folder `directory`; what it returns goes into the pin. */
  readonly prepare?: (call: Prepared) => Promise<Readonly<Record<string, string>> | void>
  readonly launch: (call: Prepared) => Promise<PlainLaunch>
  readonly close?: () => Promise<void> | void
}

/** Who a token speaks for; its issuer is the provider's. */
export interface PlainIdentity {
  readonly subject: string
  readonly clientId?: string | undefined
  readonly scopes?: ReadonlyArray<string> | undefined
  /** When the token ends, in seconds since 1970. */
  readonly expires: number
  readonly claims?: Readonly<Record<string, unknown>> | undefined
}

export interface PlainRefusal {
  readonly refused: Provider.TokenRefused["reason"]
  /** For the log, never for the caller; without the token. */
  readonly detail?: string | undefined
}

export interface PlainTokens {
  readonly accessToken: string
  readonly refreshToken?: string | undefined
  readonly expires?: number | undefined
  readonly scopes?: ReadonlyArray<string> | undefined
}

/** What it throws means that nobody can say now whether the token is good; then nobody is let in. */
export interface PlainProvider {
  readonly issuer: string
  /** Milliseconds; 5000 unless told, 60000 at most. */
  readonly believedFor?: number
  readonly validate: (
    call: Interruptible & { readonly token: string; readonly audience: string }
  ) => Promise<PlainIdentity | PlainRefusal>
  readonly metadata?: (call: Interruptible) => Promise<Partial<Provider.AuthorizationServer> & { readonly tokenEndpoint: string }>
  readonly refresh?: (call: Interruptible & { readonly refreshToken: string }) => Promise<PlainTokens | PlainRefusal>
  readonly userInfo?: (call: Interruptible & { readonly accessToken: string }) => Promise<Readonly<Record<string, unknown>>>
  readonly close?: () => Promise<void> | void
}

export interface PlainBuilt {
  readonly loader: PlainLoader
  readonly auth: PlainAuth
  readonly provider: PlainProvider
}

/** What `start` of a plugin of each kind is told. */
export interface PlainContexts {
  readonly loader: PlainContext
  readonly auth: PlainAuthContext
  readonly provider: PlainContext
}

export interface PlainPlugin<K extends keyof PlainBuilt, S extends StandardSchema.StandardSchemaV1> {
  readonly apiVersion: 1
  readonly kind: K
  readonly name: string
  readonly summary?: string
  readonly config: S
  readonly start: (
    config: StandardSchema.StandardSchemaV1.InferOutput<S>,
    context: PlainContexts[K]
  ) => Promise<PlainBuilt[K]> | PlainBuilt[K]
}

/** Gives types to a plain plugin; the object alone, exported as default, is as good. */
export const definePlugin = <K extends keyof PlainBuilt, S extends StandardSchema.StandardSchemaV1>(
  plugin: PlainPlugin<K, S>
): PlainPlugin<K, S> => plugin
