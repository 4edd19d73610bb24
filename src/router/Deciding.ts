/**
 * The decision on one call. What nobody could tell from a name that is not there is answered as such a
 * name; only a call that its arguments decide against hears that it may not.
 */
import { Schema } from "effect"
import type { Access, Decision } from "../guard/Access.ts"
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

export const decided = ({ access, principal, request, target }: Deciding): Decision => {
  const { asked, name, server } = target
  const sight = access.sightOf(principal)
  if (asked.kind === "task") return { isAllowed: sight.sees(server), by: "default" }
  const kind = kindOf(target, request.method)
  // Values are proposed for what can be seen, before there are arguments to decide by.
  if (request.method === "completion/complete") return { isAllowed: sight.shows(server, kind, name), by: "default" }
  return sight.decide({ server, kind, name, arguments: () => param(request, "arguments") })
}

/** What the caller hears of a call that may not go on. */
export const refusalOf = ({ access, principal, request, target }: Deciding, { rule }: Decision): AccessDenied | UnknownName => {
  const { asked, name, server } = target
  const isSeen = asked.kind !== "task" && access.sightOf(principal).shows(server, kindOf(target, request.method), name)
  return isSeen ? new AccessDenied({ server, kind: asked.kind, name, ...(rule === undefined ? {} : { rule }) }) : new UnknownName(asked)
}

const kindOf = ({ asked, definition, name }: Target, method: string): Kind => {
  if (asked.kind === "tool") return "tools"
  if (asked.kind === "prompt") return "prompts"
  return method === "completion/complete" && definition?.kind === "templates" && definition.name === name ? "templates" : "resources"
}

/** Whether a principal may read a resource, by its server's own URI. */
export const mayRead = (access: Access | undefined, principal: Principal, { name, server }: { readonly server: string; readonly name: string }): boolean =>
  access === undefined || access.sightOf(principal).decide({ server, kind: "resources", name }).isAllowed
