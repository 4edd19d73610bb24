/** The page that says what went wrong here. What somebody else said about it, such as an `error_description`, is never shown. */
import { html } from "./Html.ts"
import type { Page } from "./Page.ts"

export interface ErrorShown {
  readonly status: number
  /** The class of the error, in the words of OAuth where it has one. */
  readonly error: string
  readonly message: string
  /** What the person at the browser can do. */
  readonly next: string
  /** Finds the same event in the log. */
  readonly correlation: string
}

export const errorPage = ({ correlation, error, message, next, status }: ErrorShown): Page => ({
  title: "This did not work",
  status,
  body: html`<p>${message}.</p>
<p>${next}.</p>
<dl>
<dt>Kind of error</dt><dd>${error}</dd>
<dt>Reference for your administrator</dt><dd>${correlation}</dd>
</dl>`
})
