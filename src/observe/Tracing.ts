/**
 * Whether each call gets a span. Off until something collects spans: one costs a tenth
 * of a call, and without a collector nobody would see it.
 */
import { Context } from "effect"

export const Tracing = Context.Reference<boolean>("manifold/observe/Tracing", { defaultValue: () => false })
