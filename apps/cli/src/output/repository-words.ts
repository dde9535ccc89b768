import type { Repository, RepositoryAlarm } from '@hearthold/contract'
import { formatTable } from './table.ts'
import { formatBytes, formatDuration, formatTime, printable } from './text.ts'

/** What each alarm means, in one line. */
const alarmWords: Readonly<Record<RepositoryAlarm['kind'], string>> = {
  overdue: 'The newest snapshot is too old',
  burst: 'Much was deleted at once',
  damaged: 'Objects are damaged',
  maintain: 'Maintenance failed or is overdue',
  drill: 'The restore drill failed or is overdue',
  quota: 'The quota is nearly used up',
  storage: 'The storage cannot be reached',
}

const counted = (count: number, one: string, many: string): string =>
  `${count.toLocaleString('en-GB')} ${count === 1 ? one : many}`

const ageOf = (repository: Repository, nowMs: number): string =>
  repository.newestSnapshotAt === null
    ? 'none yet'
    : `${formatDuration(nowMs - repository.newestSnapshotAt)} ago`

const alarmsOf = ({ alarms, removedAt }: Repository): string =>
  removedAt === null ? alarms.map(({ kind }) => kind).join(', ') : 'in the bin'

const binOf = ({ binObjects, binBytes }: Repository): string =>
  binObjects === 0 ? '' : formatBytes(binBytes)

/** Repositories as a table; with `owners` (names by account) a column for them. */
export const repositoryTable = (
  repositories: readonly Repository[],
  nowMs: number,
  owners?: ReadonlyMap<string, string>,
): string =>
  formatTable<Repository>(
    [
      { title: 'Name', value: ({ name }) => name },
      ...(owners
        ? [
            {
              title: 'Member',
              value: ({ account }: Repository) => owners.get(account) ?? account,
            },
          ]
        : []),
      { title: 'Size', value: ({ usedBytes }) => formatBytes(usedBytes), align: 'right' },
      { title: 'Newest snapshot', value: (one) => ageOf(one, nowMs) },
      { title: 'Bin', value: binOf, align: 'right' },
      { title: 'Alarms', value: alarmsOf },
      { title: 'Id', value: ({ repository }) => repository },
    ],
    repositories,
  )

/** Each alarm on a line of its own, with the time when it began and `before` in front; empty where there is none. */
export const alarmLines = ({ alarms }: Repository, before = ''): string =>
  alarms
    .map(({ kind, since }) => `${before}${alarmWords[kind]}, since ${formatTime(since)}.\n`)
    .join('')

const scrubText = ({ scrub }: Repository): string => {
  const { startedAt, finishedAt, checkedObjects, checkedBytes, damagedCount } = scrub
  if (startedAt === null) return 'not yet'
  const when =
    finishedAt === null
      ? `under way since ${formatTime(startedAt)}`
      : `done ${formatTime(finishedAt)}`
  const found = damagedCount === 0 ? 'all whole' : `${damagedCount} damaged`
  return `${when}: ${counted(checkedObjects, 'object', 'objects')} (${formatBytes(checkedBytes)}), ${found}`
}

const reportText = (report: Repository['maintain']): string =>
  report === null
    ? 'not yet'
    : `${report.ok ? 'succeeded' : 'failed'} ${formatTime(report.startedAt)}`

const stateText = ({ removedAt, destroyedAt }: Repository): string =>
  removedAt === null
    ? 'in use'
    : `in the bin since ${formatTime(removedAt)}, destroyed ${destroyedAt === null ? 'never' : `${formatTime(destroyedAt)} at the earliest`}; until then it counts against the quota`

/** Everything about one repository, a line each, then its alarms. */
export const repositoryText = (one: Repository, url: string, nowMs: number): string => {
  const quota = one.quotaBytes === null ? 'none' : formatBytes(one.quotaBytes)
  const alarm =
    one.alarmAfterHours === null ? 'never' : `${one.alarmAfterHours} h without a new snapshot`
  const rows: readonly (readonly [string, string])[] = [
    ['Name', one.name],
    ['Id', one.repository],
    ['Address', url],
    ['State', stateText(one)],
    [
      'Holds',
      `${formatBytes(one.usedBytes)} in ${counted(one.objects, 'object', 'objects')}, ${counted(one.snapshots, 'snapshot', 'snapshots')}${one.counted ? '' : ' (as last counted)'}`,
    ],
    ['Newest snapshot', ageOf(one, nowMs)],
    ['Bin', `${formatBytes(one.binBytes)} in ${counted(one.binObjects, 'object', 'objects')}`],
    ['Quota', quota],
    ['Freeze', `${counted(one.freezeDays, 'day', 'days')} in the bin before anything is destroyed`],
    ['Alarm after', alarm],
    ['Check of objects', scrubText(one)],
    ['Maintenance', reportText(one.maintain)],
    ['Restore drill', reportText(one.drill)],
  ]
  const width = Math.max(...rows.map(([title]) => title.length))
  const lines = rows.map(([title, text]) => `${title.padEnd(width)}  ${printable(text)}\n`)
  const damaged = one.scrub.damaged.map((object) => `  ${printable(object)}\n`)
  return lines.join('') + alarmLines(one) + damaged.join('')
}
