/** Parts of what plugins of every kind take from the manifest. */
import { Schema } from "effect"

/** Says what a key is for, in the manual and the editor. */
export const about = <S extends Schema.Top>(schema: S, description: string) => schema.pipe(Schema.annotateEncoded({ description }))

export const Secret = Schema.RedactedFromValue(Schema.NonEmptyString)
