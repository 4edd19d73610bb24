/** An MCP client that gets its tokens as clients do: the official SDK's OAuth flow, with a user's browser in between. */
import { Client, type OAuthClientInformationMixed, type OAuthClientProvider, type OAuthTokens, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client"
import type { ClientEra } from "./client.ts"
import type { UserBrowser } from "./browser.ts"

export const RETURN = "http://127.0.0.1:19191/callback"

export interface SignedInClient {
  readonly client: Client
  /** What it holds now; a test may change it. */
  readonly held: { tokens: OAuthTokens | undefined; information: OAuthClientInformationMixed | undefined }
  /** How often a user had to go to the authorization server. */
  readonly asked: () => number
}

export interface Wanted {
  readonly url: string
  readonly era: ClientEra
  readonly browser: UserBrowser
  /** Known beforehand; without it the client registers, or shows its document. */
  readonly clientId?: string
  readonly clientSecret?: string
  readonly document?: string
  /** What it holds from before. */
  readonly tokens?: OAuthTokens
}

/** Connects as the SDK does: refused, sent to sign in, back with a code, let in. */
export const signedInClient = async ({ browser, clientId, clientSecret, document, era, tokens, url }: Wanted): Promise<SignedInClient> => {
  const held: SignedInClient["held"] = {
    tokens,
    information: clientId === undefined ? undefined : { client_id: clientId, ...(clientSecret === undefined ? {} : { client_secret: clientSecret }) }
  }
  let verifier = ""
  let went: URL | undefined
  let asked = 0
  const authProvider: OAuthClientProvider = {
    redirectUrl: RETURN,
    clientMetadata: { client_name: "Test client", redirect_uris: [RETURN], grant_types: ["authorization_code", "refresh_token"] },
    ...(document === undefined ? {} : { clientMetadataUrl: document }),
    state: () => "the state of the client",
    clientInformation: () => held.information,
    saveClientInformation: (information) => void (held.information = information),
    tokens: () => held.tokens,
    saveTokens: (tokens) => void (held.tokens = tokens),
    redirectToAuthorization: (address) => void (went = address),
    saveCodeVerifier: (code) => void (verifier = code),
    codeVerifier: () => verifier
  }
  const newClient = () => new Client({ name: "test", version: "1.0.0" }, { versionNegotiation: { mode: era === "legacy" ? "legacy" : { pin: "2026-07-28" } } })
  const newTransport = () => new StreamableHTTPClientTransport(new URL(url), { authProvider })

  for (;;) {
    const [client, transport] = [newClient(), newTransport()]
    try {
      await client.connect(transport)
      return { client, held, asked: () => asked }
    } catch (cause) {
      if (!(cause instanceof UnauthorizedError) || went === undefined || asked > 2) throw cause
    }
    asked++
    const back = await browser.open(went.href, RETURN)
    const answer = new URL(back.url)
    if (!back.url.startsWith(RETURN)) throw new Error(`${back.status} ${back.html.replaceAll(/<[^>]+>/gu, " ").replaceAll(/\s+/gu, " ")}`)
    if (answer.searchParams.get("state") !== "the state of the client") throw new Error("the state is another one")
    await transport.finishAuth(answer.searchParams)
  }
}
