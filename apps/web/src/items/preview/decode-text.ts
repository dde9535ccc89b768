/** Bytes of a text file as a string: by its byte order mark, else UTF-8, else as Windows-1252, which takes any byte. */

const markOf = (bytes: Uint8Array): string | undefined => {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  return undefined
}

/** `cut` tells that the bytes end in mid-file: an unfinished last character is then no reason to think of another code. */
export const decodeText = (bytes: Uint8Array, cut: boolean): string => {
  const marked = markOf(bytes)
  if (marked !== undefined) return new TextDecoder(marked).decode(bytes)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: cut })
  } catch {
    return new TextDecoder('windows-1252').decode(bytes)
  }
}
