/** The names of resources at an endpoint that is for one server alone. */
import type { Change } from "../catalogue/Catalogue.ts"

/** What an endpoint calls the resource that changed; `undefined` where it does not show it. */
export const uriAt = (server: string | undefined, change: Change & { readonly _tag: "Updated" }): string | undefined => {
  if (server === undefined) return change.uri
  return server === change.server ? change.own : undefined
}
