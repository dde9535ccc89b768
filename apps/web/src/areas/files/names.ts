/** What people type as a name, before it goes to the worker, which checks again. */
import { text } from '../../text/en/files.ts'

const limitBytes = 1024

/** Why this cannot be a name, in words; undefined where it can. */
export const whyNotName = (name: string): string | undefined => {
  const words = text.dialogs
  if (name.trim() === '') return words.nameEmpty
  if (name.includes('/')) return words.nameSlash
  if (name === '.' || name === '..') return words.nameDots
  if (/\p{Cc}/u.test(name)) return words.nameControl
  if (new TextEncoder().encode(name.normalize('NFC')).length > limitBytes) return words.nameLong
  return undefined
}

/** Where the ending of a file name begins: a rename selects what is before it. The whole length without one. */
export const endingStart = (name: string): number => {
  const dot = name.lastIndexOf('.')
  return dot > 0 ? dot : name.length
}
