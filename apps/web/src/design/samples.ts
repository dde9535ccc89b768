/** What the components show on the design page. */
import type { CalendarDay } from '../ui/calendar-day.ts'
import type { Custody, Me } from '../workers/account/api.ts'

const hour = 3_600_000
const now = Date.now()

export const me: Me = {
  account: 'a1',
  name: 'ada',
  displayName: 'Ada',
  role: 'host',
  device: 'd1',
  session: 's1',
  backupCodesLeft: 10,
  hasPassword: true,
  mustReplaceRecoveryKey: false,
}

const device = (label: string, daysAgo: number, current = false) => ({
  label,
  since: now - daysAgo * 24 * hour,
  current,
})

export const sealed: Custody = {
  held: 'member-held',
  people: [
    {
      name: 'Ada',
      you: true,
      since: now - 12 * 60_000,
      devices: [device('Firefox on Linux', 40, true), device('Phone', 12), device('hearthold', 2)],
    },
    { name: 'Bertil', you: false, since: now - 80 * hour, devices: [device('Laptop', 3)] },
    { name: 'Chioma \u202e', you: false, since: now - 400 * 24 * hour, devices: [] },
  ],
  server: { reads: false, storedBytes: 2_516_582 },
}

export const open: Custody = {
  ...sealed,
  held: 'server-held',
  people: sealed.people.slice(0, 1),
  server: { reads: true, storedBytes: 812 * 1024 },
}

const stateOf = (index: number): CalendarDay['state'] => {
  if (index < 12) return 'before'
  if (index > 57) return 'missed'
  return index % 7 === 3 ? 'none' : 'snapshot'
}
/** Two months of backups, with one that stopped. */
export const calendar: readonly CalendarDay[] = Array.from({ length: 60 }, (_, index) => {
  const at = now - (59 - index) * 24 * hour
  return { day: new Date(at).toISOString().slice(0, 10), at, state: stateOf(index) }
})

export const lines = [
  'export RESTIC_REPOSITORY_FILE="$HOME/.config/restic/laptop.repository"',
  'restic init',
  'restic backup ~',
].join('\n')

export const longName =
  'An exceedingly long name without any mercy for narrow screens_and_no_spaces_in_this_part_at_all.final.pdf'

/** Pages of this page, by `?page=`. */
export const pages = ['parts', 'fields', 'rows', 'shell', 'quiet', 'dialog', 'confirm'] as const

export const text = {
  title: 'Design',
  files: ['Tax 2025', 'Photos', 'House', 'Passport scan.pdf', 'Will, signed.pdf', longName],
  lead: 'Your recovery key is the only other way in. Keep it away from this computer.',
  act: 'Seal and upload',
  second: 'New folder',
  third: 'Show which',
  danger: 'Erase for ever',
  link: 'Back to files',
  columns: { name: 'Name', size: 'Size', changed: 'Changed', readers: 'Readers' },
  password: 'Password',
  hint: 'At least 12 characters. The server never sees it.',
  wrong: 'That is not the password of this account.',
} as const
