/**
 * The catalogue as each principal sees it: what the access rules let it see of all servers, and of servers whose
 * lists are their user's own that user's part. Made when somebody looks; who sees the same shares one.
 */
import { Effect } from "effect"
import type { Catalogue, Published } from "../catalogue/Catalogue.ts"
import type { Kind } from "../catalogue/Definition.ts"
import type { NamingRules, Prefix } from "../catalogue/Naming.ts"
import { type SeenBy, seenParts } from "../catalogue/Seen.ts"
import type { Part } from "../catalogue/Snapshot.ts"
import { LOOKING, type Views, views } from "../catalogue/Views.ts"
import type { Access } from "../guard/Access.ts"
import { isSamePrincipal, ownerOf } from "../guard/Principals.ts"
import type { Principal } from "../plugin/Auth.ts"
import { type Managed, partOf } from "./Managed.ts"

export interface Sights extends Pick<Published, "access" | "at" | "has" | "look" | "personalOf" | "shared" | "snapshot"> {
  /** What this principal sees is another now; its clients hear of it, and nobody else's. */
  readonly changed: (principal: Principal, kinds: ReadonlySet<Kind>, catalogue: Pick<Catalogue["Service"], "tell">) => void
}

export interface Seeing {
  readonly access: Access | undefined
  readonly inOrder: ReadonlyArray<Managed>
  readonly rules: NamingRules
  /** The servers of the manifest, whether they offer something right now or not. */
  readonly known: ReadonlyArray<string>
  /** What rules alone make of the parts; the same for as long as it is given the same. */
  readonly seen: SeenBy
}

const NO_KINDS: ReadonlySet<Kind> = new Set()

/** Most principals whose sight is kept. */
const MOST = 2000

export const sights = ({ access, inOrder, known, rules, seen }: Seeing): Sights => {
  const parts = inOrder.flatMap(partOf)
  const everybody = views(parts, rules, known)
  const personal = inOrder.filter((server) => server.personal !== undefined)
  const own = new Map<string, { readonly sight: string | undefined; readonly views: Views }>()
  const byRules: Published["at"] = access === undefined
    ? (server) => server === undefined ? everybody.all : everybody.of(server)
    : seen({ access, parts, rules, known })

  const sees = (server: string, principal: Principal) => access?.sightOf(principal).sees(server) ?? true

  /** The views of who sees something that is theirs alone. */
  const ownViews = (principal: Principal): Views | undefined => {
    const name = ownerOf(principal)
    const found = own.get(name)
    // Another token of the same user may give other roles.
    const sight = access?.sightOf(principal).key
    if (found !== undefined && found.sight === sight) return found.views
    const made = viewsOf(principal)
    if (made === undefined) return undefined
    for (const oldest of own.keys()) {
      if (own.size < MOST) break
      own.delete(oldest)
    }
    own.set(name, { sight, views: made })
    return made
  }

  const viewsOf = (principal: Principal): Views | undefined => {
    const ownPartOf = ({ personal }: Managed) => personal?.serving.isShared() === false ? personal.serving.partOf(principal) : undefined
    if (!personal.some((server) => ownPartOf(server) !== undefined)) return undefined
    const seenOf = (some: ReadonlyArray<Part>) => access === undefined ? some : seenParts(some, access.sightOf(principal))
    const all = inOrder.flatMap((server) => {
      const part = ownPartOf(server)
      if (part === undefined) return seenOf(partOf(server))
      // The way to consent is no tool of the server's that a rule could name.
      return server.personal?.serving.needsConsent(principal) === true ? sees(server.id, principal) ? [part] : [] : seenOf([part])
    })
    return views(all, rules, known.filter((server) => sees(server, principal)))
  }

  const hidden = (server: string | undefined, principal: Principal) =>
    personal.filter(({ id, personal }) => (server === undefined || server === id) && personal?.serving.isShared() === false && sees(id, principal))

  return {
    access,
    snapshot: everybody.all,
    shared: byRules,
    at: personal.length === 0 ? byRules : (server, principal) => {
      const mine = ownViews(principal)
      if (mine === undefined) return byRules(server, principal)
      return server === undefined ? mine.all : mine.of(server)
    },
    has: (server) => known.includes(server),
    changed: (principal, kinds, catalogue) => {
      own.delete(ownerOf(principal))
      catalogue.tell({ _tag: "Listed", kindsFor: (_, other) => isSamePrincipal(other, principal) ? kinds : NO_KINDS })
    },
    personalOf: (server, name, principal) =>
      hidden(server, principal).find(({ wanted: { prefix } }) => server !== undefined || startsWith(name, prefix, rules))?.personal?.serving,
    look: (server, principal) => {
      const servers = personal.length === 0 ? [] : hidden(server, principal)
      return servers.length === 0 ? Effect.void : Effect.asVoid(Effect.timeoutOption(
        Effect.forEach(servers, ({ personal }) => personal?.serving.look(principal) ?? Effect.void, { concurrency: "unbounded", discard: true }),
        LOOKING
      ))
    }
  }
}

const startsWith = (name: string, { mode, text }: Prefix, { separator }: NamingRules): boolean =>
  mode !== "never" && name.startsWith(`${text}${separator}`)
