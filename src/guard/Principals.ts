/** Who is who: two principals are the same when issuer and subject are. */
import type { Principal } from "../plugin/Auth.ts"

type Who = Pick<Principal, "issuer" | "subject">

/** A principal as one text, different for different ones. */
export const ownerOf = ({ issuer, subject }: Who): string => JSON.stringify([issuer, subject])

export const isSamePrincipal = (one: Who, other: Who): boolean => one.issuer === other.issuer && one.subject === other.subject
