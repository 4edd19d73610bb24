/** The page that asks a user whether a client may call the gateway as that user. It names what was checked, and says what was not. */
import { html, type Html, nothing } from "./Html.ts"
import type { Page } from "./Page.ts"

export interface ConsentAsked {
  readonly clientName: string
  /** The host of a client that a document describes, or its id. */
  readonly clientId: string
  /** Nobody but the client itself says its name. */
  readonly isSelfNamed: boolean
  readonly redirectUri: string
  readonly isOnThisMachine: boolean
  readonly scopes: ReadonlyArray<string>
  readonly resource: string
  readonly userName: string
  readonly action: string
  readonly formToken: string
  readonly query: string
}

/** Where the form may end: an origin, or the scheme of an application. */
const sourceOf = (redirectUri: string): string => {
  const { origin, protocol } = new URL(redirectUri)
  return protocol === "https:" || protocol === "http:" ? origin : protocol
}

const warningOf = ({ isOnThisMachine, isSelfNamed }: ConsentAsked): Html => {
  if (!isSelfNamed) return nothing
  return html`<p class="warning"><strong>Only the client itself says that this is its name.</strong>${
    isOnThisMachine ? html` It wants the answer sent to an application on this computer, and any application there could be behind it.` : nothing
  } Allow it only if you began this yourself, a moment ago.</p>`
}

/** A name so long that it pushes the rest of the page away is cut. */
const LONGEST_NAME = 80

const shortened = (name: string): string => name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}...` : name

export const consentPage = (asked: ConsentAsked): Page => ({
  title: `Let ${shortened(asked.clientName)} use this gateway?`,
  formTo: sourceOf(asked.redirectUri),
  body: html`<p>You are signed in as <strong>${asked.userName}</strong>. If you allow it, the client can call this gateway as you, until that is taken back.</p>
${warningOf(asked)}
<dl>
<dt>Client</dt><dd>${shortened(asked.clientName)} (${asked.clientId})</dd>
<dt>You are sent back to</dt><dd>${sourceOf(asked.redirectUri)}${asked.isOnThisMachine ? " (an application on this computer)" : ""}<br>${asked.redirectUri}</dd>
<dt>It may call</dt><dd>${asked.resource}</dd>
<dt>With the scopes</dt><dd>${asked.scopes.length === 0 ? "none" : asked.scopes.join(", ")}</dd>
</dl>
<form method="post" action="${asked.action}">
<input type="hidden" name="form_token" value="${asked.formToken}">
<input type="hidden" name="request" value="${asked.query}">
<button class="first" type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny">Do not allow</button>
</form>`
})
