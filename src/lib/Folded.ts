/** A key as readers take it that ignore case: the long s is an s, the Kelvin sign a k. */
export const folded = (key: string): string => key.toUpperCase().toLowerCase()
