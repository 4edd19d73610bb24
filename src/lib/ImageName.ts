/** The name of a container image (OCI Distribution 1.1, "Pulling manifests"): checked before an engine hears it, so that none is an option or an address of something else. */
import { Schema } from "effect"

const HOST = "[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[0-9]{1,5})?"
const PART = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*"
const NAME = new RegExp(`^(?:${HOST}/)?${PART}(?:/${PART})*$`, "u")
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/u
const DIGEST = /^sha256:[0-9a-f]{64}$/u
const LONGEST = 255

export interface Image {
  readonly name: string
  readonly tag?: string
  readonly digest?: string
}

/** Nothing where it is no name of an image. */
export const imageOf = (text: string): Image | undefined => {
  const [before = "", digest, ...more] = text.split("@")
  const colon = before.indexOf(":", before.lastIndexOf("/") + 1)
  const name = colon === -1 ? before : before.slice(0, colon)
  const tag = colon === -1 ? undefined : before.slice(colon + 1)
  const isGood = more.length === 0 && name.length <= LONGEST && NAME.test(name) &&
    (tag === undefined || TAG.test(tag)) && (digest === undefined || DIGEST.test(digest))
  return isGood ? { name, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) } : undefined
}

export const ImageName = Schema.String.check(Schema.makeFilter<string>((text) =>
  imageOf(text) !== undefined || "expected the name of an image, such as registry.example.com/team/server:1.2 or name@sha256:... with 64 hex digits"))

/** What an engine is asked to run: never a tag, which may be something else tomorrow. */
export const isExact = (reference: string): boolean => DIGEST.test(reference) || imageOf(reference)?.digest !== undefined
