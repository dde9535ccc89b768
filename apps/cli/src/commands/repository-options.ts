import { freezeDaysLimit, freezeDaysMinimum } from '@hearthold/contract'
import { wholeNumber } from '../input/numbers.ts'
import { parseSize } from '../input/sizes.ts'
import type { Argument, Option } from './verb.ts'

export const repositoryArgument = {
  name: 'repository',
  summary: 'The repository, by name or id',
  required: true,
} as const satisfies Argument

/** What may be set when a repository is made and later. */
export const repositorySettings = [
  {
    name: 'quota',
    value: 'SIZE',
    summary: 'How much it may hold, such as 500GB; none for no limit of its own',
    env: 'HEARTHOLD_REPOSITORY_QUOTA',
  },
  {
    name: 'freeze-days',
    value: 'DAYS',
    summary: 'How long what is deleted waits in the bin',
    env: 'HEARTHOLD_FREEZE_DAYS',
  },
  {
    name: 'alarm-after',
    value: 'HOURS',
    summary: 'Hours without a new snapshot until there is an alarm; never for none',
    env: 'HEARTHOLD_ALARM_AFTER',
  },
] as const satisfies readonly Option[]

type Settings = {
  readonly quota: string | undefined
  readonly 'freeze-days': string | undefined
  readonly 'alarm-after': string | undefined
}
type SettingsBody = {
  readonly quotaBytes?: number | null
  readonly freezeDays?: number
  readonly alarmAfterHours?: number | null
}

/** The members of a body for those settings that were given. Throws a usage error. */
export const settingsBody = (options: Settings): SettingsBody => {
  const { quota, 'freeze-days': freeze, 'alarm-after': alarm } = options
  const days = { min: freezeDaysMinimum, max: freezeDaysLimit, fallback: freezeDaysMinimum }
  const hours = { min: 1, max: 24 * 366, fallback: 1 }
  return {
    ...(quota === undefined ? {} : { quotaBytes: quota === 'none' ? null : parseSize(quota) }),
    ...(freeze === undefined ? {} : { freezeDays: wholeNumber('--freeze-days', freeze, days) }),
    ...(alarm === undefined
      ? {}
      : {
          alarmAfterHours: alarm === 'never' ? null : wholeNumber('--alarm-after', alarm, hours),
        }),
  }
}
