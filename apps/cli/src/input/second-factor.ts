import type { Questions } from './secrets.ts'

/** The six digits that an authenticator app would show for a base32 secret; given by the member package, which knows the algorithm. */
export type TotpCode = (secretBase32: string, atMs: number) => string | Promise<string>

export type SecondFactorOptions = {
  /** The authenticator's secret, for use without a person: a path or `-`. */
  readonly totpSecretFile: string | undefined
  /** A current code or a backup code: a path or `-`. */
  readonly codeFile: string | undefined
}

/** A code for the second factor: computed from the secret's file, read from a file, or asked. Codes show while typed: they work once. */
export const findSecondFactor = async (
  questions: Questions,
  { totpSecretFile, codeFile }: SecondFactorOptions,
  totpCode: TotpCode,
  nowMs: number,
): Promise<string> => {
  if (totpSecretFile !== undefined) {
    const secret = await questions.secret({
      label: 'Authenticator secret',
      flag: '--totp-secret-file',
      env: 'HEARTHOLD_TOTP_SECRET_FILE',
      file: totpSecretFile,
    })
    return totpCode(secret.replace(/\s/g, '').toUpperCase(), nowMs)
  }
  const label = 'Code of the authenticator app, or a backup code'
  const question = { label, flag: '--code-file', env: 'HEARTHOLD_CODE_FILE' }
  if (codeFile !== undefined) return questions.secret({ ...question, file: codeFile })
  return questions.text({ ...question, value: undefined })
}
