/** Which commit a branch, a tag or the default branch is now; an annotated tag gives the commit it stands for. */
import { Effect } from "effect"
import { Loader, Plugin } from "#plugin"
import { git, type Remote } from "./Command.ts"

export const commitOf = Effect.fnUntraced(function*(remote: Remote, ref: string) {
  const { workspace } = yield* Plugin.Host
  const found = refsIn(yield* git(remote, workspace, ["ls-remote", "--quiet", "--", remote.url, ref, `${ref}^{}`]))
  const commit = found.get(`${ref}^{}`) ?? found.get(ref)
  if (commit !== undefined) return commit
  return yield* new Loader.LoadFailed({
    source: remote.source,
    step: "git ls-remote",
    next: ref === "HEAD" ? "the repository is empty: push a commit" : "check `branch` or `tag`",
    cause: new Error(ref === "HEAD" ? "it has no default branch" : `it has no ${ref.replace(/^refs\/heads\//u, "branch ").replace(/^refs\/tags\//u, "tag ")}`)
  })
})

/** A pattern also matches longer names that end like it; only the exact ones count. */
const refsIn = (listing: string): ReadonlyMap<string, string> =>
  new Map(listing.split("\n").flatMap((line): ReadonlyArray<readonly [string, string]> => {
    const [commit = "", name = ""] = line.split("\t")
    return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/u.test(commit) ? [[name, commit]] : []
  }))
