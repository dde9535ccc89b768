/** What was asked for is not known: told in one line, without a stack. */
export class UsageError extends Error {
  /** @param message one line that names what is known */
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}

/** A whole number of at least 1. @throws UsageError */
export const countOf = (option: string, text: string): number => {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new UsageError(`${option}: a whole number from 1 on`)
}
