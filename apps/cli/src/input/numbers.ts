import { CliError } from '../cli-error.ts'

/** A whole number of an option, between two limits; `fallback` where it was not given. Throws a usage error that does not repeat it. */
export const wholeNumber = (
  flag: string,
  text: string | undefined,
  limits: { readonly min: number; readonly max: number; readonly fallback: number },
): number => {
  if (text === undefined) return limits.fallback
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (value >= limits.min && value <= limits.max) return value
  throw new CliError(
    'usage',
    `${flag} needs a whole number.`,
    `Give one from ${limits.min} to ${limits.max}.`,
  )
}
