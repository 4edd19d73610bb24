/** Foreign text without what a terminal would obey, or would hide. */

// C0 and C1 controls but for tab and newline, and the marks that turn or hide text.
const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu

export const printable = (text: string): string => text.replaceAll("\r\n", "\n").replaceAll(STEERING, "")

/** The same text in JSON, where such characters can stand as escapes. */
export const printableJson = (json: string): string =>
  json.replaceAll(STEERING, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)
