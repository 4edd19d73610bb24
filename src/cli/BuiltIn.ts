/** The plugins that come with this build; `main.ts` gives the list, because nothing else may import plugins/. */
import { Context } from "effect"
import type { Plugin } from "#plugin"

export class BuiltIn extends Context.Service<BuiltIn, ReadonlyArray<Plugin.BuiltIn>>()("manifold/cli/BuiltIn") {}
