import { text } from '../text/en/identity.ts'
import { passwordFault } from './password-strength.ts'

/** What is wrong with a new password, in words; undefined where nothing is. */
export const passwordFaultText = (password: string): string | undefined => {
  const found = passwordFault(password)
  if (found === undefined) return undefined
  if (found.fault === 'short') return text.password.tooShort(found.missing)
  return found.fault === 'long' ? text.password.tooLong : text.password.malformed
}
