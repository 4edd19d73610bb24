/** Text as bytes, and back. */
export const utf8 = {
  to: (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text),
  from: (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
}
