/** The address that clients and browsers write before a path: `base_url` of the manifest, else where the gateway really listens. */
import { Context, Layer } from "effect"

export class Base extends Context.Service<Base, {
  /** Without a slash at its end; empty before the gateway listens. */
  readonly address: () => string
  readonly listens: (address: string) => void
}>()("manifold/guard/Base") {
  static readonly layer = Layer.sync(Base, () => {
    let known = ""
    return Base.of({
      address: () => known,
      listens: (address) => {
        known = address.replace(/\/$/u, "")
      }
    })
  })
}

/** Where authorization servers send users back to, for this server. */
export const returnAddressOf = (base: string, callbackPath: string, server: string): string => `${base}${callbackPath}/${server}`

export const CALLBACK_PATH = "/oauth/callback"
