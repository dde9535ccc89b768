import { ProblemError } from '@hearthold/contract'
import {
  provePasswordAgain,
  signInWithPassword,
  signInWithRecoveryKey,
  type SignedIn,
} from '@hearthold/member'
import { CliError } from '../cli-error.ts'
import type { Connection } from '../connection.ts'
import type { Surroundings } from '../commands/verb.ts'
import { findSecondFactor } from '../input/second-factor.ts'
import { canAsk } from '../terminal.ts'
import { createTotpCodes, retryUsedCodes } from './totp.ts'
import { memberContext } from './with-member.ts'

/** Ways to prove who one is: what verbs with the credential options were given. */
export type Credentials = {
  readonly name: string | undefined
  readonly 'password-file': string | undefined
  readonly 'totp-secret-file': string | undefined
  readonly 'code-file': string | undefined
}

const passwordOf = ({ questions }: Surroundings, file: string | undefined): Promise<string> =>
  questions.secret({
    label: 'Password',
    flag: '--password-file',
    env: 'HEARTHOLD_PASSWORD_FILE',
    file,
  })

/** A code for the second factor, computed where the secret's file is given. */
export const secondFactorOf = (
  call: Surroundings,
  { server }: Connection,
  name: string,
  options: Pick<Credentials, 'totp-secret-file' | 'code-file'>,
): Promise<string> => {
  const codes = createTotpCodes(server, name, call.terminal)
  return findSecondFactor(
    call.questions,
    { totpSecretFile: options['totp-secret-file'], codeFile: options['code-file'] },
    (secret) => codes.next(secret),
    call.terminal.now(),
  )
}

/** The same for more than one try: the secret's file is read once, and each of its codes is another. */
const secondFactorsOf = async (
  call: Surroundings,
  connection: Connection,
  name: string,
  options: Pick<Credentials, 'totp-secret-file' | 'code-file'>,
): Promise<() => Promise<string>> => {
  const file = options['totp-secret-file']
  if (file === undefined) return () => secondFactorOf(call, connection, name, options)
  const secret = await call.questions.secret({
    label: 'Authenticator secret',
    flag: '--totp-secret-file',
    env: 'HEARTHOLD_TOTP_SECRET_FILE',
    file,
  })
  const codes = createTotpCodes(connection.server, name, call.terminal)
  return () => codes.next(secret)
}

/** Proves name, password and second factor; the second is asked only once the first was right. */
export const proveByPassword = async (
  call: Surroundings,
  connection: Connection,
  options: Credentials,
): Promise<SignedIn> => {
  const name = await call.questions.text({
    label: 'Sign-in name',
    flag: '--name',
    env: 'HEARTHOLD_NAME',
    value: options.name,
  })
  const password = await passwordOf(call, options['password-file'])
  const secondFactor = await secondFactorsOf(call, connection, name, options)
  return retryUsedCodes(options['totp-secret-file'] !== undefined, () =>
    signInWithPassword(memberContext(connection), {
      name,
      password,
      secondFactor,
      transport: 'bearer',
      signal: call.terminal.signal,
    }),
  )
}

/** Proves the recovery key of a file. Throws `CliError` for a mistyped one, without repeating it. */
export const proveByRecoveryKey = async (
  call: Surroundings,
  connection: Connection,
  file: string,
): Promise<SignedIn> => {
  const recoveryKey = await call.questions.secret({
    label: 'Recovery key',
    flag: '--recovery-key-file',
    env: 'HEARTHOLD_RECOVERY_KEY_FILE',
    file,
  })
  try {
    return await signInWithRecoveryKey(memberContext(connection), {
      recoveryKey,
      transport: 'bearer',
      signal: call.terminal.signal,
    })
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'RecoveryKeyError') throw error
    throw new CliError(
      'usage',
      `${error.message} It is mistyped.`,
      'Compare it with what was written down: eight groups of four, and four check characters.',
    )
  }
}

/** Proves the password again on a device that is signed in; what comes out also unlocks. */
export const proveAgain = async (
  call: Surroundings,
  connection: Connection,
  file: string | undefined,
) =>
  provePasswordAgain(memberContext(connection), await passwordOf(call, file), call.terminal.signal)

/**
 * Runs what may ask for a second factor. It is tried without one first, since a fresh proof by recovery key or passkey
 * stands above it; then a code is computed, read or asked. Throws `CliError` where none is at hand.
 */
export const withSecondFactor = async <T>(
  call: Surroundings,
  connection: Connection,
  options: Pick<Credentials, 'totp-secret-file' | 'code-file'>,
  work: (proof: { secondFactor?: string }) => Promise<T>,
): Promise<T> => {
  try {
    return await work({})
  } catch (error) {
    if (!(error instanceof ProblemError && error.code === 'second_factor_needed')) throw error
    const { 'totp-secret-file': secretFile, 'code-file': codeFile } = options
    if (secretFile === undefined && codeFile === undefined && !canAsk(call.terminal)) {
      throw new CliError(
        'notSignedIn',
        'This needs a code of the authenticator, or a backup code.',
        'Give it by --code-file or --totp-secret-file; without either, sign in by recovery key first.',
        { cause: error },
      )
    }
  }
  const name = connection.server.findRecord()?.account?.name ?? ''
  const nextCode = await secondFactorsOf(call, connection, name, options)
  return retryUsedCodes(options['totp-secret-file'] !== undefined, async () =>
    work({ secondFactor: await nextCode() }),
  )
}

const needsProof = (error: unknown): boolean =>
  error instanceof ProblemError && error.code === 'step_up_needed'

/**
 * Runs what may ask for a fresh proof. The password of a file is proved first; else it is asked when the server wants
 * it. Throws `CliError` where it cannot be asked.
 */
export const withFreshProof = async <T>(
  call: Surroundings,
  connection: Connection,
  passwordFile: string | undefined,
  work: () => Promise<T>,
): Promise<T> => {
  if (passwordFile !== undefined) await proveAgain(call, connection, passwordFile)
  try {
    return await work()
  } catch (error) {
    if (!needsProof(error)) throw error
    if (!canAsk(call.terminal)) {
      throw new CliError(
        'notSignedIn',
        'This needs a fresh proof that it is you.',
        'Give the password by --password-file, or run hearthold unlock or sign-in first.',
        { cause: error },
      )
    }
    await proveAgain(call, connection, undefined)
    return work()
  }
}
