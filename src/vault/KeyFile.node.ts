/** Key files: the whole key or none at all, whenever the process or the machine stops, and for their owner alone. */
import { linkSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { Effect, Redacted } from "effect"
import { keyText } from "./MasterKey.ts"
import { VaultKeyRefused } from "./VaultKeyRefused.ts"

export const isThere = (file: string): boolean => statSync(file, { throwIfNoEntry: false }) !== undefined

/** Leaves a file alone that is there already, or that another process makes meanwhile. */
export const writeNew = (file: string, key: Redacted.Redacted<Uint8Array>) =>
  writing(file, key, (draft) => {
    try {
      linkSync(draft, file)
    } catch (cause) {
      if (!isThere(file)) throw cause
    }
  })

/** Puts a key in the place of the one that is there. */
export const replace = (file: string, key: Redacted.Redacted<Uint8Array>) => writing(file, key, (draft) => renameSync(draft, file))

const writing = (file: string, key: Redacted.Redacted<Uint8Array>, place: (draft: string) => void) =>
  Effect.try({
    try: () => {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
      const draft = `${file}.${process.pid}.draft`
      writeFileSync(draft, `${Redacted.value(keyText(key))}\n`, { mode: 0o600, flush: true })
      try {
        place(draft)
      } finally {
        rmSync(draft, { force: true })
      }
    },
    catch: () => new VaultKeyRefused({ source: `the file ${file}`, reason: "it cannot be written" })
  })
