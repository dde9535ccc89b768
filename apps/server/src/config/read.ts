import { readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { FileModeError, isLooserThan, readSecretFile } from '#platform/file-modes.ts'
import {
  configFileEnv,
  configFileFlag,
  fileVariantOf,
  memberVariables,
  type Setting,
  settings,
} from './settings.ts'

/** Where the process's words come from; tests hand in their own. */
export type ConfigSources = {
  /** After the verb. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** Relative paths of flags and variables count from here. */
  readonly folder: string
}

/** A setting's text before it is understood. */
export type RawSetting = { readonly text: string; readonly source: string; readonly folder: string }

/** `name` is the flag, variable or field to correct; `message` never repeats what it was set to. */
export type Mistake = { readonly name: string; readonly message: string }

export type RawConfig = {
  readonly values: ReadonlyMap<string, RawSetting>
  readonly mistakes: readonly Mistake[]
  readonly warnings: readonly string[]
  /** Flags of the verb itself (`--json`, `--help`) that were given. */
  readonly verbFlags: ReadonlySet<string>
}

const tableOfSettings: readonly Setting[] = settings

type Flags = { values: Map<string, string>; verbFlags: Set<string>; mistakes: Mistake[] }

const knownFlags = (): Set<string> =>
  new Set([
    configFileFlag,
    ...tableOfSettings.map((setting) =>
      setting.secret ? fileVariantOf(setting).flag : setting.flag,
    ),
  ])

/** `--flag value` and `--flag=value`; no short forms, so that there is one way to write each. */
const readFlags = (argv: readonly string[], verbFlags: readonly string[]): Flags => {
  const known = knownFlags()
  const flags: Flags = { values: new Map(), verbFlags: new Set(), mistakes: [] }
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? ''
    const name = /^--(?<name>[a-z][a-z-]*)(?:=|$)/.exec(word)?.groups?.['name']
    if (name !== undefined && verbFlags.includes(name) && !word.includes('=')) {
      flags.verbFlags.add(name)
      continue
    }
    if (name === undefined || !known.has(name)) {
      const secret = tableOfSettings.find((setting) => setting.secret && setting.flag === name)
      flags.mistakes.push(
        secret === undefined
          ? {
              name: name === undefined ? `argument ${at + 1}` : `--${name}`,
              message: 'is not known here; see --help',
            }
          : {
              name: `--${name}`,
              message: `would show the secret to everyone on this machine; use --${fileVariantOf(secret).flag}`,
            },
      )
      // The value of an unknown flag is not a second mistake.
      if (name !== undefined && !word.includes('=') && !(argv[at + 1] ?? '--').startsWith('--'))
        at++
      continue
    }
    const value = word.includes('=') ? word.slice(word.indexOf('=') + 1) : argv[++at]
    if (value === undefined || (value.startsWith('--') && !word.includes('='))) {
      flags.mistakes.push({ name: `--${name}`, message: 'needs a value' })
      at--
    } else if (flags.values.has(name))
      flags.mistakes.push({ name: `--${name}`, message: 'is given twice' })
    else flags.values.set(name, value)
  }
  return flags
}

type FileSettings = { values: Map<string, string>; folder: string; mistakes: Mistake[] }

const textOfJson = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
    ? value.join(',')
    : undefined
}

const readFile = (path: string | undefined): FileSettings => {
  const file: FileSettings = { values: new Map(), folder: dirname(path ?? '.'), mistakes: [] }
  if (path === undefined) return file
  const wrong = (message: string): FileSettings => ({
    ...file,
    mistakes: [{ name: 'configuration file', message }],
  })
  let json: unknown
  try {
    json = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    return wrong(error instanceof SyntaxError ? 'is not JSON' : `cannot be read (${codeOf(error)})`)
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return wrong('must be a JSON object')
  const names = new Map(
    tableOfSettings.flatMap((setting) => namesInFile(setting).map((name) => [name, setting])),
  )
  for (const [name, value] of Object.entries(json)) {
    const setting = names.get(name)
    const text = textOfJson(value)
    // A name from the file is printed only if it cannot be a misplaced value.
    if (setting === undefined)
      file.mistakes.push({
        name: `configuration file: ${/^\w{1,40}$/.test(name) ? name : 'a field'}`,
        message: 'is not a setting',
      })
    else if (text === undefined)
      file.mistakes.push({
        name: `configuration file: ${name}`,
        message: 'must be a text, a number or a list of texts',
      })
    else file.values.set(name, text)
    if (setting?.secret && name === setting.name && isLooserThan(statSync(path).mode, 0o600)) {
      file.mistakes.push({
        name: `configuration file: ${name}`,
        message: 'holds a secret in a file that others can read; run chmod 600 on it',
      })
    }
  }
  return file
}

const namesInFile = (setting: Setting): string[] =>
  setting.secret ? [setting.name, fileVariantOf(setting).name] : [setting.name]

/** The system's code for a failed file operation, which holds no path and no content. */
export const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'unknown error'

/** Reads a secret from the file that a setting names. */
const secretFrom = (path: string, name: string, mistakes: Mistake[]): string | undefined => {
  try {
    return readSecretFile(path).toString('utf8')
  } catch (error) {
    const message =
      error instanceof FileModeError
        ? `names a file that others can read: ${error.message}`
        : `names a file that cannot be read (${codeOf(error)})`
    mistakes.push({ name, message })
    return undefined
  }
}

/** systemd keeps credentials in a folder of its own with its own access rules, hence no check of modes. */
const systemdCredential = (env: ConfigSources['env']): RawSetting | undefined => {
  const folder = env['CREDENTIALS_DIRECTORY']
  if (folder === undefined || folder === '') return undefined
  try {
    return {
      text: readFileSync(join(folder, 'hearthold-root-key'), 'utf8'),
      source: 'systemd credential',
      folder,
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

type Candidate = {
  readonly text: string | undefined
  readonly name: string
  readonly folder: string
  readonly isFile: boolean
  readonly rank: number
}

const candidatesFor = (
  setting: Setting,
  sources: ConfigSources,
  flags: Flags,
  file: FileSettings,
): Candidate[] => {
  const { folder } = sources
  const variant = fileVariantOf(setting)
  const fromEnv = (name: string, isFile: boolean): Candidate => ({
    text: sources.env[name] || undefined,
    name,
    folder,
    isFile,
    rank: 2,
  })
  const all: Candidate[] = [
    {
      text: setting.secret ? undefined : flags.values.get(setting.flag),
      name: `--${setting.flag}`,
      folder,
      isFile: false,
      rank: 1,
    },
    {
      text: setting.secret ? flags.values.get(variant.flag) : undefined,
      name: `--${variant.flag}`,
      folder,
      isFile: true,
      rank: 1,
    },
    fromEnv(setting.env, false),
    ...(setting.secret ? [fromEnv(variant.env, true)] : []),
    ...(setting.otherEnv ?? []).map((name) => ({ ...fromEnv(name, false), rank: 3 })),
    {
      text: file.values.get(setting.name),
      name: `configuration file: ${setting.name}`,
      folder: file.folder,
      isFile: false,
      rank: 4,
    },
    {
      text: setting.secret ? file.values.get(variant.name) : undefined,
      name: `configuration file: ${variant.name}`,
      folder: file.folder,
      isFile: true,
      rank: 4,
    },
  ]
  return all.filter((candidate) => candidate.text !== undefined)
}

const unknownVariables = (env: ConfigSources['env']): string[] => {
  const known = new Set<string>([configFileEnv, ...memberVariables])
  for (const setting of tableOfSettings) {
    known.add(setting.env)
    if (setting.secret) known.add(fileVariantOf(setting).env)
  }
  return Object.keys(env)
    .filter((name) => name.startsWith('HEARTHOLD_') && !known.has(name))
    .sort()
}

/**
 * Step one: collects the text of every setting, flags over variables over the file (over the defaults, which
 * come later). Nothing is understood yet except that secrets named by a file are read.
 */
export const readConfig = (
  sources: ConfigSources,
  verbFlags: readonly string[] = [],
): RawConfig => {
  const flags = readFlags(sources.argv, verbFlags)
  const named = flags.values.get(configFileFlag) ?? (sources.env[configFileEnv] || undefined)
  const file = readFile(named === undefined ? undefined : resolve(sources.folder, named))
  const mistakes = [...flags.mistakes, ...file.mistakes]
  const values = new Map<string, RawSetting>()
  for (const setting of tableOfSettings) {
    const [winner, rival] = candidatesFor(setting, sources, flags, file)
    if (winner?.text !== undefined) {
      if (rival?.rank === winner.rank)
        mistakes.push({ name: winner.name, message: `and ${rival.name} are both set; keep one` })
      const text = winner.isFile
        ? secretFrom(resolve(winner.folder, winner.text), winner.name, mistakes)
        : winner.text
      if (text !== undefined)
        values.set(setting.name, { text, source: winner.name, folder: winner.folder })
    } else if (setting.kind === 'key') {
      const credential = systemdCredential(sources.env)
      if (credential !== undefined) values.set(setting.name, credential)
    }
  }
  const warnings = unknownVariables(sources.env).map(
    (name) => `${name} is set but is not a setting of this server.`,
  )
  return { values, mistakes, warnings, verbFlags: flags.verbFlags }
}
