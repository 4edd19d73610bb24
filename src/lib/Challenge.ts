/** What a WWW-Authenticate header asks for (RFC 9110, 11.6.1; RFC 6750, 3; RFC 9728, 5.1). */

/** Nothing where it does not say so. */
export const parameterIn = (challenge: string, name: "resource_metadata" | "scope"): string | undefined =>
  new RegExp(`(?:^|[\\s,])${name}="([^"]*)"`, "iu").exec(challenge)?.[1]

/** The well-formed scopes of a list (RFC 6749, 3.3). */
export const scopesOf = (list: string): ReadonlyArray<string> =>
  list.split(" ").filter((scope) => /^[\x21\x23-\x5b\x5d-\x7e]+$/u.test(scope))
