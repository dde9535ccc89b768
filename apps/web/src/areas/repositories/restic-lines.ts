/** The lines that a person copies to a machine. Nothing here is run or sent. */
import type { Repository } from '@hearthold/contract'

export type Credential = { readonly user: string; readonly secret: string }

/** Stands where a credential belongs, in lines that are shown before there is one. */
export const placeholders: Credential = { user: 'USER', secret: 'SECRET' }

type Place = Pick<Repository, 'name' | 'path'>

/** The address for restic, with user name and secret in it: all three are made of plain letters and digits. */
export const resticAddress = (origin: string, { path }: Place, credential: Credential): string => {
  const { protocol, host } = new URL(origin)
  return `rest:${protocol}//${credential.user}:${credential.secret}@${host}${path}`
}

/** Name of the repository file (restic's `--repository-file`). */
export const repositoryFileName = ({ name }: Place): string => `${name}.repository`

/** Its content. */
export const repositoryFile = (origin: string, place: Place, credential: Credential): string =>
  `${resticAddress(origin, place, credential)}\n`

const fileOnMachine = (place: Place): string =>
  `"$HOME/.config/restic/${repositoryFileName(place)}"`

/** First backup, with the repository file. */
export const linesByFile = (place: Place): string =>
  [`export RESTIC_REPOSITORY_FILE=${fileOnMachine(place)}`, 'restic init', 'restic backup ~'].join(
    '\n',
  )

/** The same with the address in the environment. */
export const linesByEnvironment = (origin: string, place: Place, credential: Credential): string =>
  [
    `export RESTIC_REPOSITORY='${resticAddress(origin, place, credential)}'`,
    'restic init',
    'restic backup ~',
  ].join('\n')

/** A timer and its service for a backup each night. */
export const timerUnits = (place: Place): string =>
  [
    '# restic-backup.service',
    '[Service]',
    'Type=oneshot',
    `Environment=RESTIC_REPOSITORY_FILE=%h/.config/restic/${repositoryFileName(place)}`,
    'Environment=RESTIC_PASSWORD_FILE=%h/.config/restic/password',
    'ExecStart=restic backup %h',
    '',
    '# restic-backup.timer',
    '[Timer]',
    'OnCalendar=daily',
    'RandomizedDelaySec=1h',
    'Persistent=true',
    '[Install]',
    'WantedBy=timers.target',
  ].join('\n')
