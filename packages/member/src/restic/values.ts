/** A byte order mark is part of a name like any other character. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const isId = (value: unknown): value is string =>
  typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)

export const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

/** A whole number from 0 on; undefined for all else. */
export const countOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined

export const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []

/** UTF-8 text; undefined where the bytes are none. */
export const findText = (bytes: Uint8Array): string | undefined => {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

/** The value of JSON in UTF-8. Throws what `damaged` makes; the parser's own message would repeat a part of the text. */
export const parseJson = (bytes: Uint8Array, damaged: () => Error): unknown => {
  try {
    return JSON.parse(decoder.decode(bytes))
  } catch {
    throw damaged()
  }
}

/** Bytes of standard base64; undefined where the value is none. */
export const readBase64 = (value: unknown): Uint8Array<ArrayBuffer> | undefined => {
  if (typeof value !== 'string' || value.length > 2 ** 20) return undefined
  try {
    return Uint8Array.from(atob(value), (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}

const digits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Lowercase hex. */
export const hexOf = (bytes: Uint8Array): string => {
  let text = ''
  for (const byte of bytes) text += digits[byte]
  return text
}

/** SHA-256 in hex: how restic names things. */
export const hashOf = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
  hexOf(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
