/**
 * What ssh is told, in a private folder that is gone with the scope: one key, the host's public keys, and nothing of
 * the machine's or the user's own configuration. An unknown host is refused, never asked about.
 */
import { Effect, FileSystem, Path, Redacted } from "effect"
import { Loader, Plugin } from "#plugin"
import type { GitSource } from "./Source.ts"

/** The path of a configuration for ssh; nothing for an address of another protocol. */
export const sshConfig = Effect.fnUntraced(function*(_: string, { known_hosts, ssh_key }: GitSource) {
  if (ssh_key === undefined || known_hosts === undefined) return undefined
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { workspace } = yield* Plugin.Host
  const folder = yield* files.makeTempDirectoryScoped({ directory: workspace, prefix: "ssh-" })
  const place = (name: string) => path.join(folder, name)
  yield* files.chmod(folder, 0o700)
  // A reference to a file loses its last line break, which OpenSSH insists on.
  yield* files.writeFileString(place("key"), `${Redacted.value(ssh_key).trimEnd()}\n`, { mode: 0o600 })
  yield* files.writeFileString(place("known_hosts"), `${known_hosts}\n`, { mode: 0o600 })
  yield* files.writeFileString(place("config"), configWith(place("key"), place("known_hosts")), { mode: 0o600 })
  return place("config")
}, (effect, source) =>
  Effect.catchTag(effect, "PlatformError", (cause) =>
    Effect.fail(new Loader.LoadFailed({ source, step: "write the ssh key", next: "check the data directory", cause }))))

const configWith = (key: string, knownHosts: string) => `
IdentityFile "${key}"
IdentitiesOnly yes
IdentityAgent none
PreferredAuthentications publickey
BatchMode yes
UserKnownHostsFile "${knownHosts}"
GlobalKnownHostsFile /dev/null
StrictHostKeyChecking yes
UpdateHostKeys no
ProxyCommand none
PermitLocalCommand no
ForwardAgent no
ForwardX11 no
ControlMaster no
ControlPath none
ConnectTimeout 20
ServerAliveInterval 15
`
