import { join, resolve } from 'node:path'
import { isIP } from 'node:net'
import {
  type AccessLog,
  type Listen,
  parseSetting,
  SettingTextError,
  type SettingValue,
} from './parse.ts'
import {
  type ConfigSources,
  type Mistake,
  type RawConfig,
  type RawSetting,
  readConfig,
} from './read.ts'
import { type Setting, type SettingName, settings } from './settings.ts'
import { isLoopback, planTls, type TlsPlan, tlsMistakes } from './tls-plan.ts'

/** Everything the server may know about its settings, without the secrets. Paths are absolute. */
export type Config = {
  readonly dataDir: string
  readonly keysDir: string
  readonly listen: Listen
  /** Scheme, host and port, without a slash at the end. */
  readonly publicUrl: string
  readonly tls: TlsPlan
  /** Addresses, networks, or the word `unix`. */
  readonly trustedProxies: readonly string[]
  readonly corsOrigins: readonly string[]
  /** Undefined: no quota. */
  readonly defaultQuotaBytes: number | undefined
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  readonly logFormat: 'auto' | 'json' | 'text'
  readonly accessLog: AccessLog
  readonly accessLogFormat: 'json' | 'combined'
}

/** Kept apart from the configuration, so that what is printed or passed around holds none of them. */
export type Secrets = {
  /** 32 bytes; undefined where the root key is a file in the keys folder. */
  readonly rootKey: Uint8Array | undefined
  /** Opens the door of /metrics to programs. */
  readonly metricsToken: string | undefined
}

/** A line of `hearthold config`. */
export type SettingInForce = {
  readonly name: SettingName
  /** As it would be written; undefined where it is not set; secrets are masked. */
  readonly value: string | undefined
  readonly source: string
  readonly secret: boolean
}

export type LoadedConfig = {
  readonly config: Config
  readonly secrets: Secrets
  readonly inForce: readonly SettingInForce[]
  readonly warnings: readonly string[]
}

/** All mistakes at once, by the name of what to correct, never with its value. */
export class ConfigError extends Error {
  readonly mistakes: readonly Mistake[]

  constructor(mistakes: readonly Mistake[]) {
    super(mistakes.map(({ name, message }) => `${name} ${message}`).join('\n'))
    this.name = 'ConfigError'
    this.mistakes = mistakes
  }
}

const tableOfSettings: readonly Setting[] = settings

/**
 * A local server that listens on another port is reached there, so the default public URL follows it. Port 0 is
 * known only once the server listens.
 */
const followPort = (understood: Understood, raw: RawConfig): void => {
  const listen = understood.values.get('listen') as Listen | undefined
  if (raw.values.has('publicUrl') || listen?.kind !== 'tcp' || listen.port === 0) return
  if (isLoopback(listen.host)) understood.values.set('publicUrl', `http://localhost:${listen.port}`)
}

type Understood = { values: Map<string, SettingValue>; mistakes: Mistake[] }

const understand = (raw: RawConfig, folder: string): Understood => {
  const understood: Understood = { values: new Map(), mistakes: [...raw.mistakes] }
  for (const setting of tableOfSettings) {
    const given: RawSetting | undefined =
      raw.values.get(setting.name) ??
      (setting.default === undefined
        ? undefined
        : { text: setting.default, source: 'default', folder })
    if (given === undefined) continue
    try {
      understood.values.set(setting.name, parseSetting(setting, given.text, given.folder))
    } catch (error) {
      if (!(error instanceof SettingTextError)) throw error
      understood.mistakes.push({ name: given.source, message: error.message })
    }
  }
  followPort(understood, raw)
  return understood
}

const warningsFor = (config: Config): string[] => {
  const host = new URL(config.publicUrl).hostname.replace(/^\[|\]$/g, '')
  const warnings: string[] = []
  if (isIP(host) !== 0) {
    warnings.push(
      'publicUrl is an IP address: passkeys cannot work there. Give the server a name to offer them.',
    )
  }
  if (config.tls.kind === 'self-signed') {
    warnings.push(
      'The certificate is self-signed: browsers warn, and passkeys work only once the device has accepted it.',
    )
  }
  return warnings
}

/** The values as the table's kinds promise them; `undefined` only for settings without a default. */
const configFrom = (understood: Understood, raw: RawConfig): Config => {
  const { values, mistakes } = understood
  const at = <T extends SettingValue | undefined>(name: SettingName): T => values.get(name) as T
  const dataDir = at<string>('dataDir')
  const facts = {
    listen: at<Listen>('listen'),
    publicUrl: at<string>('publicUrl'),
    publicUrlIsDefault: !raw.values.has('publicUrl'),
    trustedProxies: at<readonly string[]>('trustedProxies'),
    certFile: at<string | undefined>('tlsCertFile'),
    keyFile: at<string | undefined>('tlsKeyFile'),
  }
  mistakes.push(
    ...tlsMistakes(facts).map(({ name, message }) => ({
      name: raw.values.get(name)?.source ?? name,
      message,
    })),
  )
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  return {
    dataDir,
    keysDir: at<string | undefined>('keysDir') ?? join(dataDir, 'keys'),
    listen: facts.listen,
    publicUrl: facts.publicUrl,
    tls: planTls(facts),
    trustedProxies: facts.trustedProxies,
    corsOrigins: at<readonly string[]>('corsOrigins'),
    defaultQuotaBytes: at<number | undefined>('defaultQuotaBytes'),
    logLevel: at<Config['logLevel']>('logLevel'),
    logFormat: at<Config['logFormat']>('logFormat'),
    accessLog: at<AccessLog>('accessLog'),
    accessLogFormat: at<Config['accessLogFormat']>('accessLogFormat'),
  }
}

const describe = (setting: Setting, raw: RawConfig, config: Config): SettingInForce => {
  const given = raw.values.get(setting.name)
  const name = setting.name as SettingName
  const source =
    given?.source ?? (setting.default === undefined && name !== 'keysDir' ? 'not set' : 'default')
  if (setting.secret)
    return { name, value: given === undefined ? undefined : '********', source, secret: true }
  const derived: Readonly<Record<string, string>> = {
    publicUrl: config.publicUrl,
    keysDir: config.keysDir,
  }
  const text = given?.text ?? derived[name] ?? setting.default
  const value =
    text !== undefined && setting.kind === 'path' ? resolve(given?.folder ?? '.', text) : text
  return { name, value, source, secret: false }
}

/**
 * Reads and checks the configuration.
 * @param verbFlags flags of the verb itself, such as `json`, which are no settings
 * @throws ConfigError with every mistake
 */
export const loadConfig = (
  sources: ConfigSources,
  verbFlags: readonly string[] = [],
): LoadedConfig & { verbFlags: ReadonlySet<string> } => {
  const raw = readConfig(sources, verbFlags)
  const understood = understand(raw, sources.folder)
  // Rules across settings need all of them to be readable first.
  if (understood.mistakes.length > 0)
    throw new ConfigError([...understood.mistakes, ...crossMistakes(understood, raw)])
  const config = configFrom(understood, raw)
  return {
    config,
    secrets: {
      rootKey: understood.values.get('rootKey') as Uint8Array | undefined,
      metricsToken: understood.values.get('metricsToken') as string | undefined,
    },
    inForce: tableOfSettings.map((setting) => describe(setting, raw, config)),
    warnings: [...raw.warnings, ...warningsFor(config)],
    verbFlags: raw.verbFlags,
  }
}

/** The rules across settings, as far as what could be read allows. */
const crossMistakes = (understood: Understood, raw: RawConfig): Mistake[] => {
  const complete = ['listen', 'publicUrl', 'trustedProxies'].every((name) =>
    understood.values.has(name),
  )
  if (!complete) return []
  try {
    configFrom({ values: understood.values, mistakes: [] }, raw)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return [...error.mistakes]
    throw error
  }
}
