/** Turns whatever was thrown into words: what happened, what is safe where that is in question, what to do. */
import { text } from '../text/en/problems.ts'
import { codeOf, isNetworkError, recoveryKeyFault, retryAfterOf } from './error-code.ts'

export type Words = {
  readonly title: string
  readonly todo: string | undefined
  /** Only where a server was caught at something. */
  readonly safe: string | undefined
  /** For the host; undefined where it says no more than the title. */
  readonly code: string | undefined
}

const inWords = (seconds: number): string => {
  const units: [number, Intl.RelativeTimeFormatUnit][] = [
    [3600, 'hour'],
    [60, 'minute'],
    [1, 'second'],
  ]
  const [size, unit] = units.find(([one]) => seconds >= one) ?? [1, 'second']
  return new Intl.RelativeTimeFormat('en', { numeric: 'always' }).format(
    Math.ceil(seconds / size),
    unit,
  )
}

const ownWords = <T>(table: Readonly<Record<string, T>>, code: string): T | undefined =>
  Object.hasOwn(table, code) ? table[code] : undefined

type AddedWords = { readonly title: string; readonly safe?: string; readonly todo?: string }

/** Words of areas that not everybody loads, by code. */
const added: Record<string, AddedWords> = {}

/** Makes the words of an area known, once it is loaded. Codes of the contract keep theirs. */
export const addProblemWords = (words: Readonly<Record<string, AddedWords>>): void =>
  void Object.assign(added, words)

/** Words for one code of a problem, an integrity error or this app. */
export const wordsOfCode = (code: string, retryAfterSeconds?: number): Words => {
  const caught = ownWords(text.integrity, code)
  if (caught) return { ...caught, code }
  const known: AddedWords | undefined =
    ownWords(text.problems, code) ?? ownWords(text.local, code) ?? ownWords(added, code)
  if (known === undefined) return { ...text.unknown, safe: undefined, code }
  const wait = retryAfterSeconds === undefined ? undefined : text.wait(inWords(retryAfterSeconds))
  const todo = [wait, known.todo].filter((part) => part !== undefined).join(' ')
  return {
    title: known.title,
    todo: todo === '' ? undefined : todo,
    safe: known.safe,
    code: code === 'internal' ? code : undefined,
  }
}

/** Words for whatever an act threw. */
export const wordsOf = (error: unknown): Words => {
  if (isNetworkError(error)) return { ...text.network, safe: undefined, code: undefined }
  const fault = recoveryKeyFault(error)
  if (fault !== undefined) return wordsOfCode(`recovery_${fault}`)
  const code = codeOf(error)
  if (code !== undefined) return wordsOfCode(code, retryAfterOf(error))
  return { ...text.unknown, safe: undefined, code: undefined }
}

/** One line for a toast or below a field. */
export const lineOf = (error: unknown): string => {
  const { title, todo } = wordsOf(error)
  return todo === undefined ? title : `${title} ${todo}`
}

/** The same for a screen, where all three parts are said. */
export const problemWords = (error: unknown): Words & { safe: string; todo: string } => {
  const words = wordsOf(error)
  return {
    ...words,
    safe: words.safe ?? text.unreachable.safe,
    todo: words.todo ?? text.tryAgain,
  }
}
