/** Planted secrets in every spelling in which a disk, a log or a URL could give them away. */
import type { Needle } from '../../tools/plaintext-scanner.ts'

/** A text or bytes that only its owner may hold. Texts have at least 8 bytes. */
export type Marker = { readonly what: string; readonly value: string | Uint8Array }

/** The characters of base64 that stand for these bytes wherever they lie in a longer text, for each of three places. */
const insideBase64 = (bytes: Buffer, encoding: 'base64' | 'base64url'): string[] =>
  [0, 1, 2].map((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), bytes]).toString(encoding)
    const first = Math.ceil((before * 8) / 6)
    return whole.slice(first, Math.floor(((before + bytes.length) * 8) / 6))
  })

const spellings = (value: string | Uint8Array): [string, Buffer][] => {
  const bytes = Buffer.from(value)
  const text = typeof value === 'string' ? value : undefined
  return [
    ['plain', bytes],
    ['hex', Buffer.from(bytes.toString('hex'))],
    ['HEX', Buffer.from(bytes.toString('hex').toUpperCase())],
    ...insideBase64(bytes, 'base64').map((b64): [string, Buffer] => ['base64', Buffer.from(b64)]),
    ...insideBase64(bytes, 'base64url').map((b64): [string, Buffer] => [
      'base64url',
      Buffer.from(b64),
    ]),
    ...(text === undefined
      ? []
      : ([
          ['UTF-16LE', Buffer.from(text, 'utf16le')],
          ['UTF-16BE', Buffer.from(text, 'utf16le').swap16()],
          ['JSON or URL', Buffer.from(encodeURIComponent(text))],
        ] as [string, Buffer][])),
  ]
}

/** What a PlaintextScanner looks for: every marker in every spelling, each sequence of bytes once. */
export const needlesFor = (markers: readonly Marker[]): Needle[] => {
  const found = new Map<string, Needle>()
  for (const { what, value } of markers) {
    for (const [spelling, bytes] of spellings(value)) {
      const needle = { bytes, what: `${what} (${spelling})` }
      if (!found.has(bytes.toString('hex'))) found.set(bytes.toString('hex'), needle)
    }
  }
  return [...found.values()]
}
