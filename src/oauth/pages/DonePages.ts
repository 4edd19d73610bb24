/** The pages at the end of something: it worked, and who is signed in or not any more. */
import { html } from "./Html.ts"
import type { Page } from "./Page.ts"

/** @param what a sentence without its full stop, such as "The server issues is connected" */
export const successPage = (what: string): Page => ({
  title: "Done",
  body: html`<p>${what}.</p>
<p>You may close this page and go back to your client.</p>`
})

export interface SignedInAs {
  readonly name: string
  readonly action: string
  readonly formToken: string
}

export const signOutPage = ({ action, formToken, name }: SignedInAs): Page => ({
  title: "Sign out",
  body: html`<p>This browser is signed in at the gateway as ${name}.</p>
<form method="post" action="${action}">
<input type="hidden" name="form_token" value="${formToken}">
<button class="first" type="submit">Sign out</button>
</form>`
})

export const signedOutPage: Page = {
  title: "Signed out",
  body: html`<p>This browser is not signed in at the gateway.</p>
<p>At the service where you signed in you may still be signed in. Clients that you allowed go on until that is taken back.</p>`
}
