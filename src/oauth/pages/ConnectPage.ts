/** The page before a user leaves for the authorization server of a backend: which server asks, what for, and where it leads. */
import { html, nothing } from "./Html.ts"
import type { Page } from "./Page.ts"

export interface Connecting {
  readonly server: string
  /** Who is signed in here. */
  readonly name: string
  /** Where the consent is given. */
  readonly at: URL
  readonly scopes: ReadonlyArray<string>
  readonly action: string
  readonly ticket: string
  readonly formToken: string
}

export const connectPage = ({ action, at, formToken, name, scopes, server, ticket }: Connecting): Page => ({
  title: `Connect ${server}`,
  formTo: at.origin,
  body: html`<p>A client of yours called the server <strong>${server}</strong>, which needs your consent. You give it at <strong>${at.host}</strong>; the client never sees what you sign in with there.</p>
<dl>
<dt>Signed in here as</dt><dd>${name}</dd>
${scopes.length === 0 ? nothing : html`<dt>What is asked for</dt><dd>${scopes.join(", ")}</dd>`}
</dl>
<p>If you did not expect this, close this page.</p>
<form method="post" action="${action}">
<input type="hidden" name="form_token" value="${formToken}">
<input type="hidden" name="ticket" value="${ticket}">
<button class="first" type="submit">Go to ${at.host}</button>
</form>`
})
