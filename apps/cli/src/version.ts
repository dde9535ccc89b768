import { readFileSync } from 'node:fs'

/** The version in this package's own package.json. */
export const readVersion = (): string => {
  const { version } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  ) as { version: string }
  return version
}
