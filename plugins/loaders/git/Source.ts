/**
 * What a person writes about a git repository. The grammar is narrow, so that nothing written
 * here can become an option, another protocol or a path outside of the checkout.
 */
import { Schema } from "effect"
import { about, Secret } from "../../Settings.ts"
import { buildKeys, rule } from "../build/Keys.ts"

const HOST = String.raw`(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?`
const LOOPBACK = String.raw`(?:127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|\[::1\])(?::\d{1,5})?`
const WEB_PATH = String.raw`(?:\/(?:[A-Za-z0-9._~+,=@:-]|%[2-7][0-9A-Fa-f])+)+\/?`
const SSH_PATH = String.raw`(?:\/[A-Za-z0-9._~+-]+)+\/?`

const Url = Schema.String.check(
  Schema.isPattern(new RegExp(
    `^(?:https:\\/\\/${HOST}${WEB_PATH}|http:\\/\\/${LOOPBACK}${WEB_PATH}|ssh:\\/\\/(?:[A-Za-z0-9_][A-Za-z0-9._-]*@)?${HOST}${SSH_PATH})$`,
    "u"
  ), { message: "expected an https or ssh address, such as https://git.example.com/team/server.git or ssh://git@git.example.com/team/server.git (http only for loopback; user and password never)" })
)

const Ref = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9_][A-Za-z0-9._/+@#-]{0,199}$/u, { message: "expected the plain name of a branch or tag, such as main or v1.2.0" }),
  rule<string>((name) => !/\.\.|\/\/|@\{|\/\.|[./]$|\.lock(?:\/|$)/u.test(name) || "expected the plain name of a branch or tag, such as main or v1.2.0")
)

export const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/u

const Commit = Schema.String.check(Schema.isPattern(COMMIT, {
  message: "expected the full commit: 40 hexadecimal digits (a short one can come to mean another commit)"
}))

const Folder = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9_@+][A-Za-z0-9._@+-]*(?:\/[A-Za-z0-9_@+][A-Za-z0-9._@+-]*)*$/u, {
    message: "expected a folder inside the repository, such as packages/server"
  })
)

export const GitSource = Schema.Struct({
  url: Url.annotate({ description: "Where to fetch from: https or ssh (http on loopback)" }),
  branch: Schema.optionalKey(Ref.annotate({ description: "Branch to take the newest commit of" })),
  tag: Schema.optionalKey(Ref.annotate({ description: "Tag to take the commit of" })),
  commit: Schema.optionalKey(Commit.annotate({ description: "The exact commit; without branch, tag and commit it is the newest of the default branch" })),
  subdirectory: Schema.optionalKey(Folder.annotate({ description: "Folder of the server inside the repository" })),
  token: Schema.optionalKey(about(Secret, "Token for https: write a reference, such as ${env:GIT_TOKEN}")),
  username: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_][A-Za-z0-9._@+-]*$/u, { expected: "a user name" })).annotate({
    description: "User name that goes with the token; x-access-token when left out"
  })),
  ssh_key: Schema.optionalKey(about(Secret, "Private key for ssh, without a passphrase: write a reference, such as ${file:/run/secrets/deploy_key}")),
  known_hosts: Schema.optionalKey(Schema.NonEmptyString.annotate({
    description: "The ssh host's public keys, as lines of known_hosts; a host that is not in them is refused. ssh-keyscan prints them; compare with what the owner of the host publishes"
  })),
  ...buildKeys
}).check(Schema.makeFilter((source) => {
  const asked = (["branch", "tag", "commit"] as const).filter((key) => key in source)
  if (asked[1] !== undefined) return { path: [asked[1]], issue: `stands beside ${asked[0]}: write one of branch, tag and commit` }
  const { known_hosts, ssh_key, token, url, username } = source
  if (url.startsWith("ssh:")) {
    if (token !== undefined) return { path: ["token"], issue: "is for https; ssh takes ssh_key" }
    if (ssh_key === undefined) return { path: ["ssh_key"], issue: "is missing: an ssh address needs the private key to sign in with" }
    if (known_hosts === undefined) {
      return { path: ["known_hosts"], issue: "is missing: write the host's public keys (ssh-keyscan prints them; compare them with what its owner publishes)" }
    }
    return true
  }
  if (ssh_key !== undefined) return { path: ["ssh_key"], issue: "is for ssh addresses; https takes token" }
  if (known_hosts !== undefined) return { path: ["known_hosts"], issue: "is for ssh addresses" }
  return token === undefined && username !== undefined ? { path: ["username"], issue: "goes with token, which is missing" } : true
}))

export type GitSource = typeof GitSource.Type
