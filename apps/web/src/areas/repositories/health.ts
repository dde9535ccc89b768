/** How a repository does, in words: its badge, what asks for somebody, and when it was last proven. */
import type { Repository, RepositoryAlarm } from '@hearthold/contract'
import { text } from '../../text/en/repositories.ts'
import { formatDuration } from '../../text/format.ts'

export type AlarmKind = RepositoryAlarm['kind']
export type AlarmWords = {
  readonly kind: AlarmKind
  readonly since: number
  /** A few words, for the list. */
  readonly badge: string
  readonly title: string
  readonly todo: string
  /** Red: data may be in danger. Amber: nothing is lost yet. */
  readonly level: 'bad' | 'warn'
}

const words = text.health
const hourMs = 60 * 60 * 1000

/** What is worst comes first. */
const order: readonly AlarmKind[] = [
  'damaged',
  'burst',
  'storage',
  'overdue',
  'drill',
  'maintain',
  'quota',
]
const bad: readonly AlarmKind[] = ['damaged', 'burst', 'storage', 'overdue']

/** Whole days from two on, hours before: how long nothing has come. */
export const longWithout = (ms: number): string => {
  const hours = Math.max(1, Math.floor(ms / hourMs))
  return hours < 48 ? text.hours(hours) : text.days(Math.floor(hours / 24))
}

const partsOf = (
  kind: AlarmKind,
  repository: Repository,
  now: number,
): Pick<AlarmWords, 'badge' | 'title' | 'todo'> => {
  switch (kind) {
    case 'overdue': {
      const { newestSnapshotAt, createdAt } = repository
      const span = longWithout(now - (newestSnapshotAt ?? createdAt))
      const title = newestSnapshotAt === null ? words.overdue.titleNever : words.overdue.title
      return { badge: words.overdue.badge(span), title: title(span), todo: words.overdue.todo }
    }
    case 'damaged':
      return { ...words.damaged, title: words.damaged.title(repository.scrub.damagedCount) }
    case 'maintain':
    case 'drill': {
      const { badge, badgeFailed, title, titleFailed, todo } = words[kind]
      const failed = repository[kind]?.ok === false
      return { badge: failed ? badgeFailed : badge, title: failed ? titleFailed : title, todo }
    }
    case 'burst':
    case 'quota':
    case 'storage':
      return words[kind]
  }
}

/** What asks for somebody, the worst first. `now` in ms since 1970. */
export const alarmsOf = (repository: Repository, now: number): AlarmWords[] =>
  [...repository.alarms]
    .sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))
    .map(({ kind, since }) => {
      const { badge, title, todo } = partsOf(kind, repository, now)
      return { kind, since, badge, title, todo, level: bad.includes(kind) ? 'bad' : 'warn' }
    })

export type Badge = { readonly kind: 'ok' | 'neutral' | 'warn' | 'bad'; readonly words: string }

/** The one word for a list. */
export const badgeOf = (repository: Repository, now: number): Badge => {
  if (repository.removedAt !== null) return { kind: 'neutral', words: words.removed }
  const [worst] = alarmsOf(repository, now)
  if (worst) return { kind: worst.level, words: worst.badge }
  if (repository.newestSnapshotAt === null) return { kind: 'neutral', words: words.waiting }
  // Without an alarm nobody said when a backup is due.
  return { kind: 'ok', words: repository.alarmAfterHours === null ? words.fine : words.onTime }
}

/** When all of it was last shown to be whole: by a full check without damage, or a drill that restored it. */
export const provenAt = ({ scrub, drill }: Repository): number | undefined => {
  const checked = scrub.damagedCount === 0 ? (scrub.finishedAt ?? 0) : 0
  const restored = drill?.ok === true ? drill.reportedAt : 0
  const newest = Math.max(checked, restored)
  return newest === 0 ? undefined : newest
}

/** How far the check has come, 0 to 1; undefined while none runs. Bytes may have been added since it began. */
export const scrubPart = ({ scrub, usedBytes, objects }: Repository): number | undefined => {
  if (scrub.startedAt === null || scrub.finishedAt !== null) return undefined
  const part = usedBytes > 0 ? scrub.checkedBytes / usedBytes : scrub.checkedObjects / objects
  return Number.isFinite(part) ? Math.min(1, part) : 0
}

/** `3 days`, or `36 hours` where it is no whole number of days. */
export const hoursInWords = (hours: number): string =>
  hours >= 48 && hours % 24 === 0 ? text.days(hours / 24) : text.hours(hours)

/** How long a thing in the bin has left, from `now`. */
export const leftInWords = (until: number, now: number): string => formatDuration(until - now)
