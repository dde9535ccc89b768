import type { Option } from './verb.ts'

/** Options of verbs that prove who somebody is, or make what proves it. Secrets travel in files alone. */
export const nameOption = {
  name: 'name',
  value: 'NAME',
  summary: 'The sign-in name',
  env: 'HEARTHOLD_NAME',
} as const satisfies Option

export const passwordOption = {
  name: 'password-file',
  value: 'FILE',
  summary: 'The password, in a file or from standard input (-)',
  env: 'HEARTHOLD_PASSWORD_FILE',
  completes: 'file',
} as const satisfies Option

export const recoveryKeyOption = {
  name: 'recovery-key-file',
  value: 'FILE',
  summary: 'The recovery key, instead of name, password and code',
  env: 'HEARTHOLD_RECOVERY_KEY_FILE',
  completes: 'file',
} as const satisfies Option

export const recoveryKeyOutOption = {
  name: 'recovery-key-out',
  value: 'FILE',
  summary: 'A new file for the new recovery key',
  env: 'HEARTHOLD_RECOVERY_KEY_OUT',
  completes: 'file',
} as const satisfies Option

export const totpSecretOption = {
  name: 'totp-secret-file',
  value: 'FILE',
  summary: 'The secret of the authenticator, to compute the code',
  env: 'HEARTHOLD_TOTP_SECRET_FILE',
  completes: 'file',
} as const satisfies Option

export const codeOption = {
  name: 'code-file',
  value: 'FILE',
  summary: 'A code of the authenticator, or a backup code',
  env: 'HEARTHOLD_CODE_FILE',
  completes: 'file',
} as const satisfies Option

export const totpSecretOutOption = {
  name: 'totp-secret-out',
  value: 'FILE',
  summary: 'A new file for the secret of the authenticator',
  env: 'HEARTHOLD_TOTP_SECRET_OUT',
  completes: 'file',
} as const satisfies Option

export const backupCodesOutOption = {
  name: 'backup-codes-out',
  value: 'FILE',
  summary: 'A new file for ten backup codes',
  env: 'HEARTHOLD_BACKUP_CODES_OUT',
  completes: 'file',
} as const satisfies Option

export const deviceLabelOption = {
  name: 'device-label',
  value: 'LABEL',
  summary: "What your devices call this one; the computer's name if absent",
  env: 'HEARTHOLD_DEVICE_LABEL',
} as const satisfies Option

export const displayNameOption = {
  name: 'display-name',
  value: 'NAME',
  summary: 'What people are shown, sealed from the server; the sign-in name if absent',
  env: 'HEARTHOLD_DISPLAY_NAME',
} as const satisfies Option

/** What set-up and sign-up have in common. */
export const newAccountOptions = [
  nameOption,
  displayNameOption,
  passwordOption,
  recoveryKeyOutOption,
  totpSecretOutOption,
  backupCodesOutOption,
  deviceLabelOption,
] as const satisfies readonly Option[]
