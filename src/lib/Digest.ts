/**
 * A 64-bit FNV-1a digest of text, the same on every platform and in every process.
 * For names and change detection, where nobody gains from a collision; not for secrets.
 */
const PRIME = 0x01000193
const SEEDS = [0x811c9dc5, 0x9747b28c] as const

export const digest = (text: string): string =>
  SEEDS.map((seed) => {
    let hash: number = seed
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), PRIME)
    return (hash >>> 0).toString(16).padStart(8, "0")
  }).join("")
