/** What is typed for a repository, checked as the contract checks it. Text in, value or undefined out. */
import { freezeDaysLimit, freezeDaysMinimum, resticTypes } from '@hearthold/contract'
import { text } from '../../text/en/repositories.ts'

const hoursLimit = 24 * 366

/** What is wrong with a name; undefined where it can be one. */
export const nameFault = (name: string): string | undefined => {
  if (name === '') return text.create.nameEmpty
  if (!/^[a-z0-9][a-z0-9._-]{0,63}$/.test(name)) return text.create.nameWrong
  const isKept = (resticTypes as readonly string[]).includes(name)
  return isKept ? text.create.nameKept : undefined
}

const whole = (typed: string): number | undefined =>
  /^\d{1,5}$/.test(typed.trim()) ? Number(typed.trim()) : undefined

/** Days in the bin; undefined for what is none. */
export const freezeOf = (typed: string): number | undefined => {
  const days = whole(typed)
  const fits = days !== undefined && days >= freezeDaysMinimum && days <= freezeDaysLimit
  return fits ? days : undefined
}

/** Hours until the alarm, null for never (nothing typed); undefined for what is neither. */
export const alarmHoursOf = (typed: string): number | null | undefined => {
  if (typed.trim() === '') return null
  const hours = whole(typed)
  return hours !== undefined && hours >= 1 && hours <= hoursLimit ? hours : undefined
}
