/** What clients write before a path of ours: `base_url`, else the address that is really listened on, which is known only then. */
import { Context, Layer } from "effect"

export class Base extends Context.Service<Base, {
  /** Without a slash at its end. */
  readonly current: () => string
  readonly become: (base: string) => void
}>()("manifold/guard/Base") {
  static readonly layer = Layer.sync(Base, () => {
    let base = ""
    return Base.of({
      current: () => base,
      become: (next) => {
        base = next.replace(/\/$/u, "")
      }
    })
  })
}

/** Where authorization servers send users back to, for this server: one address per server, so that a mix-up shows. */
export const returnAddressOf = (base: string, callbackPath: string, server: string): string => `${base}${callbackPath}/${server}`
