import { resticLimits } from './limits.ts'
import { findText } from './values.ts'

const simple: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 0x5c,
  '"': 0x22,
}
/** How many digits follow, and their base; octal begins with its first digit. */
const numbers: Readonly<Record<string, readonly [digits: number, base: 8 | 16]>> = {
  x: [2, 16],
  u: [4, 16],
  U: [8, 16],
}
const encoder = new TextEncoder()

type Escape = { readonly bytes: Uint8Array; readonly length: number }

/** The escape that begins at `at`, the backslash included; undefined for none of Go's. */
const readEscape = (text: string, at: number): Escape | undefined => {
  const letter = text.charAt(at + 1)
  const byte = Object.hasOwn(simple, letter) ? simple[letter] : undefined
  if (byte !== undefined) return { bytes: Uint8Array.of(byte), length: 2 }
  const octal = /[0-7]/.test(letter)
  const [count, base] = octal
    ? ([3, 8] as const)
    : Object.hasOwn(numbers, letter)
      ? (numbers[letter] ?? [0, 16])
      : [0, 16]
  if (count === 0) return undefined
  const from = at + (octal ? 1 : 2)
  const digits = text.slice(from, from + count)
  if (digits.length !== count || !(base === 8 ? /^[0-7]+$/ : /^[0-9a-fA-F]+$/).test(digits))
    return undefined
  const value = Number.parseInt(digits, base)
  const length = from + count - at
  if (letter === 'x' || octal)
    return value > 255 ? undefined : { bytes: Uint8Array.of(value), length }
  if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return undefined
  return { bytes: encoder.encode(String.fromCodePoint(value)), length }
}

/**
 * The bytes of a name as Go's strconv.Quote wrote it, without the quotation marks around it: what strconv.Unquote
 * gives. Undefined for what it refuses.
 */
export const findUnquoted = (text: string): Uint8Array<ArrayBuffer> | undefined => {
  if (/["\n]/.test(text.replace(/\\./gs, ''))) return undefined
  const parts: Uint8Array[] = []
  let sizeBytes = 0
  const add = (part: Uint8Array) => {
    parts.push(part)
    sizeBytes += part.length
  }
  for (let at = 0; at < text.length;) {
    const next = text.indexOf('\\', at)
    const end = next === -1 ? text.length : next
    // A lone surrogate is U+FFFD, as for Go.
    if (end > at) add(encoder.encode(text.slice(at, end)))
    if (next === -1) break
    const escape = readEscape(text, next)
    if (!escape) return undefined
    add(escape.bytes)
    at = next + escape.length
  }
  const bytes = new Uint8Array(sizeBytes)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

export type NodeName = { readonly name: string; readonly nameBytes?: Uint8Array<ArrayBuffer> }

/** The bytes as text that shows what is no UTF-8 as `\xff`, and so that none of it reads as an escape of its own. */
export const quoteBytes = (bytes: Uint8Array): string => {
  let text = ''
  for (let at = 0; at < bytes.length;) {
    const length = [1, 2, 3, 4].find((size) => {
      const part = bytes.subarray(at, at + size)
      return part.length === size && findText(part) !== undefined
    })
    const part = bytes.subarray(at, at + (length ?? 1))
    text +=
      length === undefined
        ? `\\x${(part[0] ?? 0).toString(16).padStart(2, '0')}`
        : (findText(part) ?? '').replace('\\', '\\\\')
    at += part.length
  }
  return text
}

const isPlain = (text: string): boolean => !/["\\\n]/.test(text)

const isRefused = (name: string): boolean =>
  name === '' ||
  name === '.' ||
  name === '..' ||
  /[/\0]/.test(name) ||
  name.length > resticLimits.nameBytes

/**
 * A node's name from the form in which trees have it. Undefined where it is none, or one that no file can have: empty,
 * `.`, `..`, or with a slash or NUL.
 */
export const findName = (quoted: string): NodeName | undefined => {
  if (isPlain(quoted)) {
    const name = quoted.isWellFormed() ? quoted : quoted.toWellFormed()
    return isRefused(name) ? undefined : { name }
  }
  const bytes = findUnquoted(quoted)
  if (!bytes) return undefined
  const text = findText(bytes)
  const name = text ?? quoteBytes(bytes)
  if (isRefused(name)) return undefined
  return text === undefined ? { name, nameBytes: bytes } : { name }
}
