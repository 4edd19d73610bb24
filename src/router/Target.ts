/** Finds the owner of the name in a request, and puts the request into the words of that server. */
import { Schema } from "effect"
import type { Era } from "../backend/Era.ts"
import type { Definition } from "../catalogue/Definition.ts"
import type { Route, Snapshot } from "../catalogue/Snapshot.ts"
import { param, paramsWith, type Request, stringParam } from "./Request.ts"
import type { TaskRef } from "./TaskIds.ts"

/** Nothing in the catalogue has this name or URI. */
export class UnknownName extends Schema.TaggedError<UnknownName>()("UnknownName", {
  kind: Schema.Literals(["tool", "prompt", "resource", "task", "parameter"]),
  name: Schema.String
}) {
  override get message() {
    return this.kind === "parameter" ? `Missing or unusable parameter: ${this.name}` : `Unknown ${this.kind}: ${this.name}`
  }
}

/** Where a request goes, and its parameters in the words of the server it goes to. */
export interface Target {
  readonly server: string
  /** What the client calls it. */
  readonly asked: Pick<UnknownName, "kind" | "name">
  /** What the server calls it. */
  readonly name: string
  /** Absent for a task. */
  readonly definition?: Definition
  /** Which replica of the server has it, where no other does. */
  readonly replica?: number | undefined
  /** Members of `params` for a server of this era, JSON text without braces. */
  readonly params: (era: Era) => string
}

const to = ({ definition, name, server }: Route, asked: Target["asked"], params: Target["params"]): Target => ({ server, asked, name, definition, params })

/** Where a request about a task goes. */
export const taskTarget = (request: Request, { id, replica, server }: TaskRef): Target => ({
  server,
  replica,
  asked: { kind: "task", name: stringParam(request, "taskId") ?? "" },
  name: id,
  params: paramsWith(request, "taskId", JSON.stringify(id))
})

/** The owner of the name in a request. */
export const targetOf = (snapshot: Snapshot, request: Request): Target | UnknownName => {
  switch (request.method) {
    case "tools/call":
      return named(request, "tool", snapshot.toolOf)
    case "prompts/get":
      return named(request, "prompt", (name) => snapshot.prompts.get(name))
    case "completion/complete":
      return completed(snapshot, request)
    default: {
      const uri = stringParam(request, "uri")
      if (uri === undefined) return new UnknownName({ kind: "parameter", name: "uri" })
      const route = snapshot.ownerOfUri(uri)
      if (route === undefined) return new UnknownName({ kind: "resource", name: uri })
      return to(route, { kind: "resource", name: uri }, paramsWith(request, "uri", JSON.stringify(route.name)))
    }
  }
}

const named = (
  request: Request,
  kind: "tool" | "prompt",
  routeOf: (name: string) => Route | undefined
): Target | UnknownName => {
  const name = stringParam(request, "name")
  if (name === undefined) return new UnknownName({ kind: "parameter", name: "name" })
  const route = routeOf(name)
  return route === undefined
    ? new UnknownName({ kind, name })
    : to(route, { kind, name }, paramsWith(request, "name", JSON.stringify(route.name)))
}

const Ref = Schema.fromJsonString(Schema.Union([
  Schema.Struct({ type: Schema.Literal("ref/prompt"), name: Schema.String, title: Schema.optionalKey(Schema.String) }),
  Schema.Struct({ type: Schema.Literal("ref/resource"), uri: Schema.String })
]))

/** completion/complete names a prompt or a template in `ref`. */
const completed = (snapshot: Snapshot, request: Request): Target | UnknownName => {
  const ref = Schema.decodeUnknownOption(Ref)(param(request, "ref"))
  if (ref._tag === "None") return new UnknownName({ kind: "parameter", name: "ref" })
  const isPrompt = ref.value.type === "ref/prompt"
  const name = isPrompt ? ref.value.name : ref.value.uri
  const route = isPrompt ? snapshot.prompts.get(name) : snapshot.templates.get(name) ?? snapshot.ownerOfUri(name)
  const asked = { kind: isPrompt ? "prompt" : "resource", name } as const
  if (route === undefined) return new UnknownName(asked)
  const own = isPrompt ? { ...ref.value, name: route.name } : { ...ref.value, uri: route.name }
  return to(route, asked, paramsWith(request, "ref", JSON.stringify(own)))
}
