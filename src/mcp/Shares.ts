/** How much of something one principal may have open at once, so that nobody takes what is there for all. Whoever is local is alone here, and has no such limit. */
import { LOCAL } from "../guard/Authentication.ts"
import { ownerOf } from "../guard/Principals.ts"
import type { Principal } from "../plugin/Auth.ts"

export class Shares {
  readonly #most: number
  readonly #counts = new Map<string, number>()

  constructor(most: number) {
    this.#most = most
  }

  /** Gives how to give it back; nothing where this principal has as much as it may. */
  take(principal: Pick<Principal, "issuer" | "subject">): (() => void) | undefined {
    if (principal.issuer === LOCAL.issuer) return () => {}
    const owner = ownerOf(principal)
    const count = this.#counts.get(owner) ?? 0
    if (count >= this.#most) return undefined
    this.#counts.set(owner, count + 1)
    let isTaken = true
    return () => {
      if (isTaken) this.#giveBack(owner)
      isTaken = false
    }
  }

  #giveBack(owner: string): void {
    const left = (this.#counts.get(owner) ?? 0) - 1
    if (left > 0) this.#counts.set(owner, left)
    else this.#counts.delete(owner)
  }
}
