/** The names of resources at an endpoint that is for one server alone. */
import type { Change, Published } from "../catalogue/Catalogue.ts"
import type { Principal } from "../plugin/Auth.ts"
import { mayRead } from "../router/Deciding.ts"

interface Listening {
  /** The one server of its endpoint. */
  readonly server: string | undefined
  readonly principal: Principal
}

/** What somebody at an endpoint calls the resource that changed; `undefined` where it does not show. */
export const uriAt = ({ access, at }: Published, { principal, server }: Listening, change: Change & { readonly _tag: "Updated" }): string | undefined => {
  if (!mayRead(access, principal, { server: change.server, name: change.own })) return undefined
  if (server !== undefined) return server === change.server ? change.own : undefined
  if (access === undefined) return change.uri
  // Addresses that two servers have are told apart for those who see both.
  const owner = at(undefined, principal)?.ownerOfUri(change.own)
  return owner === undefined || owner.server === change.server ? change.own : `${change.server}+${change.own}`
}
