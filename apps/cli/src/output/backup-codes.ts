/** From here on a member is warned: whoever loses the authenticator has no other code. */
const fewCodes = 3

/** The line that warns where few backup codes are left, and how to get more; empty where there are enough. */
export const backupCodesNote = (left: number | undefined): string => {
  if (left === undefined || left > fewCodes) return ''
  const count =
    left === 0
      ? 'No backup code is'
      : left === 1
        ? 'One backup code is'
        : `${left} backup codes are`
  return `${count} left: hearthold methods backup-codes makes new ones.\n`
}
