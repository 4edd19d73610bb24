/** What of this machine a server has to see to run at all: the system, its program's own installation, and what is on the PATH. */
import { existsSync, lstatSync, readlinkSync, realpathSync } from "node:fs"
import { delimiter, dirname, isAbsolute, join, sep } from "node:path"
import type { SystemPart } from "./Bubblewrap.ts"

const SYSTEM = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"]

/** Of /etc only what programs need to start, to speak TLS and to know the time; no key and no account of this machine. */
const CONFIGURATION = [
  "/etc/alternatives",
  "/etc/ca-certificates",
  "/etc/crypto-policies",
  "/etc/fonts",
  "/etc/ld.so.cache",
  "/etc/ld.so.conf",
  "/etc/ld.so.conf.d",
  "/etc/localtime",
  "/etc/mime.types",
  "/etc/nsswitch.conf",
  "/etc/pki/ca-trust",
  "/etc/pki/tls/certs",
  "/etc/protocols",
  "/etc/services",
  "/etc/ssl/certs",
  "/etc/ssl/openssl.cnf",
  "/etc/timezone"
]
const OF_THE_NETWORK = ["/etc/gai.conf", "/etc/host.conf", "/etc/hosts", "/etc/resolv.conf"]

/** Variables that name certificates. */
const CERTIFICATES = ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR"]

type Environment = Readonly<Record<string, string>>

export const system = (): ReadonlyArray<SystemPart> =>
  SYSTEM.filter((at) => existsSync(at)).map((at) => lstatSync(at).isSymbolicLink() ? { at, to: readlinkSync(at) } : { at })

export const configuration = (hasNetwork: boolean): ReadonlyArray<string> => hasNetwork ? [...CONFIGURATION, ...OF_THE_NETWORK] : CONFIGURATION

export const isOfTheSystem = (path: string): boolean => SYSTEM.some((each) => isWithin(path, each))

export const isWithin = (inner: string, outer: string): boolean => inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : outer + sep)

/** The first file of that name on the PATH; an absolute one is itself. */
export const found = (command: string, { PATH = "" }: Environment): string | undefined =>
  isAbsolute(command) ? command : PATH.split(delimiter).map((folder) => join(folder, command)).find((file) => existsSync(file))

/**
 * The folder that a program was installed in: what is above `bin`, and else the folder it is in, unless that is
 * `/` or holds one of `private_` or lies above it.
 */
const installationOf = (folder: string, privately: ReadonlyArray<string>): string => {
  const above = dirname(folder)
  const isNarrow = above !== sep && !privately.some((each) => isWithin(each, above))
  return folder.endsWith(`${sep}bin`) && isNarrow ? above : folder
}

/**
 * Folders outside of the system that the program and what it starts come from.
 * @param privately folders that must not be seen for their neighbours' sake
 */
export const installations = (command: string, environment: Environment, privately: ReadonlyArray<string>): ReadonlyArray<string> => {
  const program = found(command, environment)
  const folders = program === undefined ? [] : [dirname(program), dirname(realpathSync(program))]
  const onPath = (environment["PATH"] ?? "").split(delimiter).filter((folder) => isAbsolute(folder))
  const all = [...folders, ...onPath]
    .filter((folder) => existsSync(folder) && !isOfTheSystem(folder))
    .map((folder) => installationOf(folder, privately))
    .filter((folder) => folder !== sep && !privately.some((each) => isWithin(each, folder)))
  return [...new Set(all)]
}

export const certificates = (environment: Environment): ReadonlyArray<string> =>
  CERTIFICATES.flatMap((name) => {
    const file = environment[name]
    return file !== undefined && isAbsolute(file) && existsSync(file) && !isOfTheSystem(file) ? [file] : []
  })
