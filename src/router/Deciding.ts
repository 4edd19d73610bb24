/**
 * The decision on one call. What nobody could tell from a name that is not there is answered as such a
 * name; only a call that its arguments decide against hears that it may not.
 */
import { Schema } from "effect"
import type { Access } from "../guard/Access.ts"
import type { Kind } from "../guard/Rules.ts"
import type { Principal } from "../plugin/Auth.ts"
import { param, type Request } from "./Request.ts"
import { type Target, UnknownName } from "./Target.ts"

/** The caller may use this, but not with these arguments. */
export class AccessDenied extends Schema.TaggedError<AccessDenied>()("AccessDenied", {
  server: Schema.String,
  kind: Schema.String,
  name: Schema.String,
  /** The rule that decided; none where no rule allows it. */
  rule: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    const why = this.rule === undefined ? "no rule allows these arguments" : `rule ${this.rule} denies these arguments`
    return `Denied ${this.kind} "${this.name}" of server "${this.server}": ${why}`
  }
}

export interface Deciding {
  readonly access: Access
  readonly principal: Principal
  readonly request: Request
  readonly target: Target
}

/** Why a call may not go on; `undefined` when it may. */
export const refusalOf = ({ access, principal, request, target }: Deciding): AccessDenied | UnknownName | undefined => {
  const { asked, name, server } = target
  const sight = access.sightOf(principal)
  if (asked.kind === "task") return sight.sees(server) ? undefined : new UnknownName(asked)
  const kind = kindOf(target, request.method)
  // Values are proposed for what can be seen, before there are arguments to decide by.
  if (request.method === "completion/complete") return sight.shows(server, kind, name) ? undefined : new UnknownName(asked)
  const { isAllowed, rule } = sight.decide({ server, kind, name, arguments: () => param(request, "arguments") })
  if (isAllowed) return undefined
  if (!sight.shows(server, kind, name)) return new UnknownName(asked)
  return new AccessDenied({ server, kind: asked.kind, name, ...(rule === undefined ? {} : { rule }) })
}

const kindOf = ({ asked, definition, name }: Target, method: string): Kind => {
  if (asked.kind === "tool") return "tools"
  if (asked.kind === "prompt") return "prompts"
  return method === "completion/complete" && definition?.kind === "templates" && definition.name === name ? "templates" : "resources"
}

/** Whether a principal may read a resource, by its server's own URI. */
export const mayRead = (access: Access | undefined, principal: Principal, { name, server }: { readonly server: string; readonly name: string }): boolean =>
  access === undefined || access.sightOf(principal).decide({ server, kind: "resources", name }).isAllowed
