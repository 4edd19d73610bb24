/**
 * One run of git that does only what it is told: it reads no configuration of the machine or the user, runs no hook,
 * filter or submodule, follows no redirect, asks nobody, and speaks the one protocol of the address.
 */
import { Effect, Path, Redacted } from "effect"
import { Base64 } from "effect/encoding"
import { Builder, Plugin } from "#plugin"

export interface Remote {
  /** What is being loaded, for messages. */
  readonly source: string
  readonly url: string
  readonly token: Redacted.Redacted<string> | undefined
  readonly username: string
  /** A configuration file for ssh, where the address is one of ssh. */
  readonly sshConfig: string | undefined
}

const CONFIG = [
  "core.hooksPath=/dev/null",
  "core.symlinks=false",
  "core.fsmonitor=false",
  "core.attributesFile=/dev/null",
  "core.protectHFS=true",
  "core.protectNTFS=true",
  "core.autocrlf=false",
  "credential.helper=",
  "fetch.fsckObjects=true",
  "fetch.recurseSubmodules=false",
  "submodule.recurse=false",
  "http.followRedirects=false",
  "http.lowSpeedLimit=1",
  "http.lowSpeedTime=60",
  "protocol.version=2",
  "transfer.bundleURI=false",
  "gc.auto=0",
  "advice.detachedHead=false",
  "protocol.allow=never"
]

/** `args` are the verb and what belongs to it; whatever comes from a manifest stands behind a `--`. */
export const git = Effect.fnUntraced(function*(remote: Remote, directory: string, args: ReadonlyArray<string>) {
  const path = yield* Path.Path
  const { environment } = yield* Plugin.Host
  const protocol = new URL(remote.url).protocol.slice(0, -1)
  const verb = args.find((arg) => !arg.startsWith("-")) ?? ""
  const certificates = environment["SSL_CERT_FILE"]
  const config = [...CONFIG, `protocol.${protocol}.allow=always`, ...(certificates === undefined ? [] : [`http.sslCAInfo=${certificates}`])]
  return yield* Builder.run({
    source: remote.source,
    step: `git ${verb}`,
    command: "git",
    args: [...config.flatMap((setting) => ["-c", setting]), ...args],
    directory,
    environment: {
      LC_ALL: "C",
      GIT_ALLOW_PROTOCOL: protocol,
      // Not even a repository that the working folder happens to lie in.
      GIT_CEILING_DIRECTORIES: path.dirname(directory),
      GIT_ATTR_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_TERMINAL_PROMPT: "0",
      GIT_ASKPASS: "/bin/false",
      SSH_ASKPASS: "/bin/false",
      ...authorization(remote),
      ...(remote.sshConfig === undefined ? {} : { GIT_SSH_COMMAND: `ssh -F ${quoted(remote.sshConfig)}`, GIT_SSH_VARIANT: "ssh" })
    },
    explain
  })
})

/** In the environment, which only our own user can read, and for this one origin. */
const authorization = ({ token, url, username }: Remote): Readonly<Record<string, string | Redacted.Redacted<string>>> => {
  if (token === undefined) return {}
  const basic = Base64.encode(`${username}:${Redacted.value(token)}`)
  return {
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: `http.${new URL(url).origin}/.extraHeader`,
    GIT_CONFIG_VALUE_0: Redacted.make(`Authorization: Basic ${basic}`)
  }
}

/** git gives GIT_SSH_COMMAND to a shell; the path in it is one of ours. */
const quoted = (path: string) => `'${path.replaceAll("'", "'\\''")}'`

const NEXT: ReadonlyArray<readonly [RegExp, string]> = [
  [/Host key verification failed/u, "known_hosts does not hold this host's key: compare it with what the host's owner publishes"],
  [/Permission denied \(|Authentication failed|could not read (?:Username|Password)|returned error: 40[13]/u, "check `token` or `ssh_key`: the host does not let it in"],
  [/unable to update url base from redirection|returned error: 30\d/u, "redirects are not followed: write the address it points to"],
  [/not found|does not exist|returned error: 404/iu, "check the address"],
  [/Could not resolve|Failed to connect|Connection (?:refused|timed out|reset)|unreachable|Operation too slow/iu, "check the address and the network"]
]

const explain = (output: string) => ({
  why: output.split("\n").filter((line) => /^(?:fatal|error|remote|ssh|warning: remote)|verification failed|Permission denied/u.test(line)).slice(-4).join("; ").slice(0, 600) || undefined,
  next: NEXT.find(([pattern]) => pattern.test(output))?.[1]
})
