/** `--json`, of the verbs that answer. */
import { Flag } from "effect/cli"

export const json = Flag.Boolean("json").pipe(Flag.withDescription("Answer in JSON"), Flag.withDefault(false))
