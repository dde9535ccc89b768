/** What `--json` prints: stable member names, numbers for sizes and times (ms since 1970), ids as hex; never a secret. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [name: string]: Json | undefined }

/** One line of JSON. Control characters and lone surrogates are escaped by JSON itself. */
export const formatJson = (value: Json): string => `${JSON.stringify(value)}\n`
