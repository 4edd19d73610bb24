/**
 * A page of ours as an answer: no script, no frame, nothing from anywhere else, nothing kept. It names no
 * referrer to others; to ourselves it does, as a form without one has no origin that could be checked.
 */
import { HttpServerResponse } from "effect/http"
import { randomText } from "../Random.ts"
import { html, Html } from "./Html.ts"

export interface Page {
  readonly title: string
  readonly body: Html
  readonly status?: number
  /** Where a form of the page may lead beside ourselves: the origin it ends at by a redirect. */
  readonly formTo?: string | undefined
}

const STYLE = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0; overflow-wrap: anywhere; }
main { max-width: 34rem; margin: 0 auto; padding: 1.5rem 1rem; }
h1 { font-size: 1.4rem; line-height: 1.25; }
dt { font-weight: 600; margin-top: .75rem; }
dd { margin: 0; }
.warning { border: 2px solid; padding: .5rem .75rem; }
form { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1.5rem; }
button { font: inherit; padding: .5rem 1.25rem; min-height: 2.75rem; border: 2px solid; border-radius: .4rem; cursor: pointer; }
button.first { font-weight: 600; }
:focus-visible { outline: 3px solid Highlight; outline-offset: 3px; }
`

export const textOf = ({ body, title }: Page, nonce: string): string => String(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style nonce="${nonce}">${new Html(STYLE)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`)

const policyOf = (nonce: string, formTo: string | undefined) =>
  [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    `form-action 'self'${formTo === undefined ? "" : ` ${formTo}`}`,
    "frame-ancestors 'none'",
    "base-uri 'none'"
  ].join("; ")

/** What every answer to a browser has, pages and redirects alike. */
export const PRIVATE: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "referrer-policy": "same-origin",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY"
}

export const answerOf = (page: Page): HttpServerResponse.HttpServerResponse => {
  const nonce = randomText()
  return HttpServerResponse.text(textOf(page, nonce), {
    status: page.status ?? 200,
    contentType: "text/html; charset=utf-8",
    headers: { ...PRIVATE, "content-security-policy": policyOf(nonce, page.formTo) }
  })
}

/** Sends the browser on with a GET, whatever it came with. */
export const redirectTo = (address: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.empty({ status: 303, headers: { ...PRIVATE, location: address } })
