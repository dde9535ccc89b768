import { join, resolve } from 'node:path'
import { type Listen, parseListen, SettingTextError } from '../config/parse.ts'
import { type Flag, flagTable } from './flag-table.ts'

/** What the flags ask for. Paths are absolute. */
export type RestServerFlags = {
  readonly path: string
  readonly listen: Listen
  readonly tls:
    | {
        readonly certFile: string
        readonly keyFile: string
        readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
      }
    | undefined
  /** How a request is told to be whose; `none` with --no-auth, which wins. */
  readonly auth:
    | { readonly kind: 'none' }
    | { readonly kind: 'proxy'; /** In lower case. */ readonly header: string }
    | { readonly kind: 'htpasswd'; readonly file: string }
  readonly appendOnly: boolean
  readonly privateRepos: boolean
  readonly groupAccessible: boolean
  readonly verifyUploads: boolean
  /** Undefined: no limit. */
  readonly maxSizeBytes: number | undefined
  readonly metrics: 'off' | 'for-users' | 'for-everybody'
  /** `-`: standard output. */
  readonly accessLog: string | undefined
  readonly cpuProfile: string | undefined
  readonly debug: boolean
}

/** What is wrong with the flags, in words that name the flag and the remedy. */
export class FlagError extends Error {}

type Asked = Map<string, string>

const truths: Readonly<Record<string, string>> = {
  ...Object.fromEntries(['1', 't', 'T', 'true', 'TRUE', 'True'].map((word) => [word, 'true'])),
  ...Object.fromEntries(['0', 'f', 'F', 'false', 'FALSE', 'False'].map((word) => [word, 'false'])),
}

const truthOf = (name: string, text: string): string => {
  const truth = Object.hasOwn(truths, text) ? truths[text] : undefined
  if (truth === undefined) throw new FlagError(`--${name} is a switch: true or false, nothing else`)
  return truth
}

const byName = new Map<string, Flag>(flagTable.map((flag) => [flag.name, flag]))

const unknownFlag = (word: string): FlagError =>
  new FlagError(
    /^-[^-]/.test(word)
      ? `Flags begin with two dashes: there is no ${word.split('=', 1)[0]}`
      : `There is no flag ${word.split('=', 1)[0]}`,
  )

/** Splits words into flags and values; the last of a repeated flag counts. */
const readWords = (argv: readonly string[]): Asked | 'help' | 'version' => {
  const asked: Asked = new Map()
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? ''
    if (word === '-h' || word === '--help') return 'help'
    if (word === '-v' || word === '--version') return 'version'
    if (!word.startsWith('-') || word === '-' || word === '--') {
      const extra = word === '--' ? argv[at + 1] : word
      if (extra === undefined) break
      throw new FlagError(`rest-server takes flags only, and no "${extra}"`)
    }
    const [, name = '', given] = /^--([^=]+)(?:=([\s\S]*))?$/.exec(word) ?? []
    const flag = byName.get(name)
    if (flag === undefined) throw unknownFlag(word)
    if (flag.kind === 'switch') {
      asked.set(name, given === undefined ? 'true' : truthOf(name, given))
      continue
    }
    const value = given ?? argv[++at]
    if (value === undefined) throw new FlagError(`--${name} needs a ${flag.value}`)
    asked.set(name, value)
  }
  return asked
}

const listenOf = (text: string, folder: string): Listen => {
  try {
    return parseListen(text, folder)
  } catch (error) {
    if (error instanceof SettingTextError) throw new FlagError(`--listen ${error.message}`)
    throw error
  }
}

const bytesOf = (text: string): number | undefined => {
  const bytes = Number(text)
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(bytes))
    throw new FlagError('--max-size must be a number of bytes, such as 107374182400')
  return bytes === 0 ? undefined : bytes
}

const headerOf = (text: string): string => {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text))
    throw new FlagError('--proxy-auth-username must be the name of a header')
  return text.toLowerCase()
}

const tlsOf = (asked: Asked, path: string, folder: string): RestServerFlags['tls'] => {
  const version = asked.get('tls-min-ver') ?? '1.2'
  if (version !== '1.2' && version !== '1.3')
    throw new FlagError('--tls-min-ver must be 1.2 or 1.3')
  const file = (name: string, fallback: string): string => {
    const given = asked.get(name) ?? ''
    return given === '' ? join(path, fallback) : resolve(folder, given)
  }
  if (asked.get('tls') !== 'true') {
    for (const name of ['tls-cert', 'tls-key'])
      if ((asked.get(name) ?? '') !== '') throw new FlagError(`--${name} needs --tls`)
    return undefined
  }
  return {
    certFile: file('tls-cert', 'public_key'),
    keyFile: file('tls-key', 'private_key'),
    minVersion: `TLSv${version}`,
  }
}

const authOf = (asked: Asked, path: string, folder: string): RestServerFlags['auth'] => {
  const header = asked.get('proxy-auth-username') ?? ''
  if (asked.get('no-auth') === 'true') return { kind: 'none' }
  if (header !== '') return { kind: 'proxy', header: headerOf(header) }
  const file = asked.get('htpasswd-file') ?? ''
  return {
    kind: 'htpasswd',
    file: file === '' ? join(path, '.htpasswd') : resolve(folder, file),
  }
}

const optional = (text: string | undefined): string | undefined => (text === '' ? undefined : text)

/**
 * Reads the words after `hearthold rest-server`.
 * @param folder the folder that relative paths count from
 * @throws FlagError
 */
export const parseFlags = (
  argv: readonly string[],
  folder: string,
): RestServerFlags | 'help' | 'version' => {
  const asked = readWords(argv)
  if (typeof asked === 'string') return asked
  const given = asked.get('path') ?? ''
  if (given === '')
    throw new FlagError('--path is needed: the folder where the repositories are, or shall be')
  const path = resolve(folder, given)
  const isOn = (name: (typeof flagTable)[number]['name']): boolean => asked.get(name) === 'true'
  const log = optional(asked.get('log'))
  const profile = optional(asked.get('cpu-profile'))
  return {
    path,
    listen: listenOf(asked.get('listen') ?? ':8000', folder),
    tls: tlsOf(asked, path, folder),
    auth: authOf(asked, path, folder),
    appendOnly: isOn('append-only'),
    privateRepos: isOn('private-repos'),
    groupAccessible: isOn('group-accessible-repos'),
    verifyUploads: !isOn('no-verify-upload'),
    maxSizeBytes: bytesOf(asked.get('max-size') ?? '0'),
    metrics: !isOn('prometheus')
      ? 'off'
      : isOn('prometheus-no-auth')
        ? 'for-everybody'
        : 'for-users',
    accessLog: log === undefined || log === '-' ? log : resolve(folder, log),
    cpuProfile: profile === undefined ? undefined : resolve(folder, profile),
    debug: isOn('debug'),
  }
}
