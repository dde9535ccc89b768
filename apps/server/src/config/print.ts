import type { LoadedConfig } from './load.ts'
import { configFileEnv, configFileFlag, fileVariantOf, type Setting, settings } from './settings.ts'

const tableOfSettings: readonly Setting[] = settings

/** What is in force, one setting a line: name, value, where it comes from. Secrets are masked. */
export const printConfig = (loaded: LoadedConfig): string => {
  const rows = loaded.inForce.map(
    ({ name, value, source }) => [name, value || '-', source] as const,
  )
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const lines = rows.map(
    ([name, value, source]) =>
      `${name.padEnd(widths[0] ?? 0)}  ${value.padEnd(widths[1] ?? 0)}  ${source}`,
  )
  return [
    ...lines,
    `tls is ${tlsInWords(loaded)}`,
    ...loaded.warnings.map((warning) => `Note: ${warning}`),
  ].join('\n')
}

/** The same for programs; a secret that is set has the value `********`. */
export const printConfigJson = (loaded: LoadedConfig): string =>
  JSON.stringify({
    settings: loaded.inForce,
    tls: loaded.config.tls.kind,
    warnings: loaded.warnings,
  })

const tlsInWords = ({ config }: LoadedConfig): string => {
  if (config.tls.kind === 'plain') return `off: ${config.tls.reason}`
  return config.tls.kind === 'files'
    ? 'on, with your certificate'
    : 'on, with a certificate made by this server'
}

const flagLine = (flag: string, placeholder: string): string => `--${flag} ${placeholder}`

/** The settings as the help shows them: flag, variable, meaning, default. */
export const printSettingsHelp = (): string => {
  const lines = [
    `  ${flagLine(configFileFlag, 'FILE')}\n      A JSON file with settings by name. ${configFileEnv}`,
  ]
  for (const setting of tableOfSettings) {
    const variant = fileVariantOf(setting)
    const flag = setting.secret
      ? flagLine(variant.flag, 'FILE')
      : flagLine(setting.flag, setting.placeholder)
    const variables = [
      setting.env,
      ...(setting.secret ? [variant.env] : []),
      ...(setting.otherEnv ?? []),
    ].join(', ')
    const choices = setting.choices === undefined ? '' : ` One of ${setting.choices.join(', ')}.`
    const standard = setting.default ? ` Default: ${setting.default}.` : ''
    lines.push(`  ${flag}\n      ${setting.doc}${choices}${standard} ${variables}`)
  }
  return lines.join('\n')
}
