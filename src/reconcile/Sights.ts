/**
 * The catalogue as each principal sees it: what all servers show to everybody, and of servers whose lists are
 * their user's own that user's part. Made when somebody looks; who sees what everybody sees shares one.
 */
import { Effect } from "effect"
import type { Published } from "../catalogue/Catalogue.ts"
import type { NamingRules, Prefix } from "../catalogue/Naming.ts"
import { LOOKING, type Views, views } from "../catalogue/Views.ts"
import type { Principal } from "../plugin/Auth.ts"
import { ownerOf } from "../guard/Principals.ts"
import { type Managed, partOf } from "./Managed.ts"

export interface Sights extends Pick<Published, "at" | "has" | "look" | "personalOf" | "snapshot"> {
  /** What this principal sees is another now. */
  readonly changed: (principal: Principal) => void
}

/** Most principals whose sight is kept. */
const MOST = 2000

/** @param known the servers of the manifest, whether they offer something right now or not */
export const sights = (inOrder: ReadonlyArray<Managed>, rules: NamingRules, known: ReadonlyArray<string>): Sights => {
  const everybody = views(inOrder.flatMap(partOf), rules, known)
  const personal = inOrder.filter((server) => server.personal !== undefined)
  const own = new Map<string, Views>()

  const viewsFor = (principal: Principal): Views => {
    if (personal.length === 0) return everybody
    const name = ownerOf(principal)
    const found = own.get(name)
    if (found !== undefined) return found
    const made = viewsOf(principal)
    for (const oldest of own.keys()) {
      if (own.size < MOST) break
      own.delete(oldest)
    }
    own.set(name, made)
    return made
  }

  const viewsOf = (principal: Principal): Views => {
    const isOwn = ({ personal }: Managed) => personal?.serving.isShared() === false && personal.serving.partOf(principal) !== undefined
    if (!personal.some(isOwn)) return everybody
    const parts = inOrder.flatMap((server) => {
      const part = isOwn(server) ? server.personal?.serving.partOf(principal) : undefined
      return part === undefined ? partOf(server) : [part]
    })
    return views(parts, rules, known)
  }

  const hidden = (server: string | undefined) =>
    personal.filter(({ id, personal }) => (server === undefined || server === id) && personal?.serving.isShared() === false)

  return {
    snapshot: everybody.all,
    at: (server, principal) => server === undefined ? viewsFor(principal).all : viewsFor(principal).of(server),
    has: (server) => known.includes(server),
    changed: (principal) => void own.delete(ownerOf(principal)),
    personalOf: (server, name) =>
      hidden(server).find(({ wanted: { prefix } }) => server !== undefined || startsWith(name, prefix, rules))?.personal?.serving,
    look: (server, principal) => {
      const servers = personal.length === 0 ? [] : hidden(server)
      return servers.length === 0 ? Effect.void : Effect.asVoid(Effect.timeoutOption(
        Effect.forEach(servers, ({ personal }) => personal?.serving.look(principal) ?? Effect.void, { concurrency: "unbounded", discard: true }),
        LOOKING
      ))
    }
  }
}

const startsWith = (name: string, { mode, text }: Prefix, { separator }: NamingRules): boolean =>
  mode === "never" || name.startsWith(`${text}${separator}`)
