/**
 * A caller's token is exchanged at the issuer that signed the caller in and nowhere else, so
 * `method: token_exchange` of a server has to name the issuer of `master_oauth` (RFC 8693).
 */
import type { Problem } from "./Problem.ts"
import { problemAt } from "./Report.ts"
import { child, nodeAt, type Path, serversOf, textAt, type Tree } from "./Tree.ts"

export const problemsOfExchange = (tree: Tree): ReadonlyArray<Problem> => {
  const signIn = child(tree, "master_oauth")
  return serversOf(tree).flatMap((server, index) => {
    const config = child(server, "auth_config")
    if (config === undefined || textAt(server, "auth_strategy") !== "master_oauth" || textAt(config, "method") !== "token_exchange") return []
    const base: Path = ["servers", index, "auth_config"]
    if (signIn === undefined) {
      return [problemAt(tree, [...base, "method"], {
        message: "has no token to exchange: callers come with one only where the manifest has master_oauth"
      })]
    }
    // A provider with an issuer of its own does not name it in the manifest.
    const issuer = textAt(signIn, "issuer")
    const place = [...base, "issuer"]
    if (issuer === undefined || nodeAt(tree, place) === undefined || textAt(config, "issuer") === issuer) return []
    return [problemAt(tree, place, { message: "is another issuer than the one that signs callers in", expected: issuer })]
  })
}
