/**
 * The first of these that is there: MANIFOLD_VAULT_KEY, a file, a command (of a key management
 * service), the keyring of the operating system; else a random key in the data directory. What
 * was set up and does not work is an error, never a reason to take the next.
 */
import { execFile } from "node:child_process"
import { readFileSync, statSync } from "node:fs"
import { join, resolve } from "node:path"
import { Effect, Layer, Redacted, Result } from "effect"
import { isThere, writeNew } from "./KeyFile.node.ts"
import { type GivenKey, KeySource } from "./KeySource.ts"
import { freshKey, readKey } from "./MasterKey.ts"
import { VaultKeyRefused } from "./VaultKeyRefused.ts"

export interface KeySourceOptions {
  /** Relative paths start here: the manifest's folder. */
  readonly directory: string
  readonly dataDirectory: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** `hosting.vault` of the manifest. */
  readonly vault?: {
    readonly key_file?: string
    readonly command?: ReadonlyArray<string>
    readonly keyring?: boolean
  } | undefined
}

export const VARIABLE = "MANIFOLD_VAULT_KEY"
const COMMAND_MILLIS = 20_000
const LONGEST = 4096
const SERVICE = "manifold"
const ACCOUNT = "vault-key"

/** Where a random key is kept. */
export const madeKeyFile = (dataDirectory: string): string => join(dataDirectory, "keys", "vault")

export const keySourceLayer = (options: KeySourceOptions): Layer.Layer<KeySource> => {
  const { dataDirectory, directory, environment, vault = {} } = options
  const made = madeKeyFile(dataDirectory)
  const variable = environment[VARIABLE]
  const configured = () => {
    if (variable !== undefined) return given(VARIABLE, Effect.succeed(Redacted.make(variable)))
    if (vault.key_file !== undefined) return inFile(resolve(directory, vault.key_file))
    if (vault.command !== undefined) return given("hosting.vault.command", output(vault.command, "hosting.vault.command", options))
    return vault.keyring === true ? inKeyring(options) : undefined
  }
  const find = Effect.suspend((): Effect.Effect<GivenKey | undefined, VaultKeyRefused> =>
    configured() ?? (isThere(made) ? inFile(made) : Effect.undefined))
  return Layer.succeed(KeySource, KeySource.of({
    find,
    make: Effect.flatMap(find, (found) => found === undefined ? make(made) : Effect.succeed(found))
  }))
}

const given = (source: string, text: Effect.Effect<Redacted.Redacted<string>, VaultKeyRefused>): Effect.Effect<GivenKey, VaultKeyRefused> =>
  Effect.flatMap(text, (text) =>
    Result.match(readKey(text), {
      onFailure: (reason): Effect.Effect<GivenKey, VaultKeyRefused> => new VaultKeyRefused({ source, reason }),
      onSuccess: (bytes) => Effect.succeed({ bytes, source })
    }))

const isOpen = (file: string): boolean => ((statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & 0o004) !== 0

/** The key in a file. */
export const inFile = (file: string): Effect.Effect<GivenKey, VaultKeyRefused> => {
  const source = `the file ${file}`
  const read = Effect.try({
    try: () => {
      if (statSync(file).size > LONGEST) throw new Error("too long")
      return Redacted.make(readFileSync(file, "utf8"))
    },
    catch: () => new VaultKeyRefused({ source, reason: "there is no such file, or it cannot be read" })
  })
  const warning = Effect.suspend(() =>
    isOpen(file) ? Effect.logWarning(`The vault's key in ${file} can be read by everybody on this machine: chmod 600 ${file}`) : Effect.void)
  return Effect.tap(Effect.map(given(source, read), (key) => ({ ...key, file })), warning)
}

const make = Effect.fnUntraced(function*(file: string) {
  yield* writeNew(file, freshKey())
  yield* Effect.logWarning(
    `The vault's key is a random one, made in ${file}: keep a copy of it elsewhere, or set ${VARIABLE} or hosting.vault before anything is sealed`
  )
  return yield* inFile(file)
})

/** What a program prints; it runs without a shell, and what it says is in no message. */
const output = (
  [program = "", ...args]: ReadonlyArray<string>,
  source: string,
  { directory, environment }: KeySourceOptions
): Effect.Effect<Redacted.Redacted<string>, VaultKeyRefused> =>
  Effect.callback((resume, signal) => {
    const options = { cwd: directory, env: environment, timeout: COMMAND_MILLIS, killSignal: "SIGKILL", maxBuffer: LONGEST, signal } as const
    execFile(program, args, options, (error, out) => {
      const reason = error === null ? undefined : reasonOf(program, error)
      resume(reason === undefined ? Effect.succeed(Redacted.make(out)) : new VaultKeyRefused({ source, reason }))
    }).stdin?.end()
  })

const reasonOf = (program: string, { code, killed }: { readonly code?: unknown; readonly killed?: boolean | undefined }): string => {
  if (code === "ENOENT") return `there is no program "${program}"`
  if (code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER") return `"${program}" printed more than a key`
  if (killed === true) return `"${program}" did not end within ${COMMAND_MILLIS / 1000} seconds`
  return `"${program}" ended with ${String(code)}`
}

const KEYRINGS: Readonly<Record<string, { readonly read: ReadonlyArray<string>; readonly store: string }>> = {
  linux: {
    read: ["secret-tool", "lookup", "service", SERVICE, "account", ACCOUNT],
    store: `openssl rand -base64 32 | secret-tool store --label="Manifold vault" service ${SERVICE} account ${ACCOUNT}`
  },
  darwin: {
    read: ["security", "find-generic-password", "-s", SERVICE, "-a", ACCOUNT, "-w"],
    store: `security add-generic-password -s ${SERVICE} -a ${ACCOUNT} -w (it asks for the key: openssl rand -base64 32)`
  }
}

const inKeyring = (options: KeySourceOptions): Effect.Effect<GivenKey, VaultKeyRefused> => {
  const keyring = KEYRINGS[process.platform]
  const source = "the keyring"
  if (keyring === undefined) return new VaultKeyRefused({ source, reason: `there is none that is known on ${process.platform}` })
  const { read, store } = keyring
  return given(source, output(read, source, options)).pipe(
    Effect.mapError(({ reason }) => new VaultKeyRefused({ source, reason: `${reason}. A key is put there with: ${store}` }))
  )
}
