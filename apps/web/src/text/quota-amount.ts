/** A quota as it is typed: a number and a unit, both ways. */

export const quotaUnits = { MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const
export type QuotaUnit = keyof typeof quotaUnits

/** Whole bytes, or undefined for anything but a number from 0 up to what can be counted exactly. */
export const quotaBytesOf = (amount: string, unit: QuotaUnit): number | undefined => {
  const text = amount.trim().replace(',', '.')
  if (!/^\d{1,9}(?:\.\d{1,3})?$/.test(text)) return undefined
  const bytes = Math.round(Number(text) * quotaUnits[unit])
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** In the largest unit that does not make it smaller than one. */
export const quotaAmountOf = (bytes: number): { amount: string; unit: QuotaUnit } => {
  const unit = bytes >= quotaUnits.TiB ? 'TiB' : bytes >= quotaUnits.GiB ? 'GiB' : 'MiB'
  return { amount: String(Math.round((bytes / quotaUnits[unit]) * 1000) / 1000), unit }
}
