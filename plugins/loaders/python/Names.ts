/** Names that differ in case and separators mean one package (PEP 503). */
export const normal = (name: string): string => name.toLowerCase().replace(/[-_.]+/gu, "-")
