import { endSession, getSession } from '@hearthold/contract'
import { CliError } from '../cli-error.ts'
import { connectAfresh, type Connection } from '../connection.ts'
import { enterAccount, rememberAccount, type Entered } from '../member/enter-account.ts'
import { proveByPassword, proveByRecoveryKey } from '../member/prove.ts'
import { backupCodesNote } from '../output/backup-codes.ts'
import type { Json } from '../output/json.ts'
import { reserveSecretFile, type SecretFile } from '../output/secret-file.ts'
import { formatTime, printable } from '../output/text.ts'
import {
  codeOption,
  deviceLabelOption,
  nameOption,
  passwordOption,
  recoveryKeyOption,
  recoveryKeyOutOption,
  totpSecretOption,
} from './credential-options.ts'
import { addressOptions } from './options.ts'
import { defineVerb, type Call, type Outcome, type Surroundings } from './verb.ts'

const options = [
  ...addressOptions,
  nameOption,
  passwordOption,
  totpSecretOption,
  codeOption,
  recoveryKeyOption,
  recoveryKeyOutOption,
  deviceLabelOption,
  { name: 'no-unlock', summary: 'Sign in only: files stay locked' },
] as const

type SignInCall = Call<readonly [], typeof options>

/** The file for the key that replaces a used one; the account is not touched before it is there. */
const reserveRecoveryKey = async (
  call: Surroundings,
  path: string | undefined,
): Promise<SecretFile> =>
  reserveSecretFile(
    await call.questions.text({
      label: 'File for the new recovery key',
      flag: '--recovery-key-out',
      env: 'HEARTHOLD_RECOVERY_KEY_OUT',
      value: path,
    }),
  )

const outcomeOf = (url: string, entered: Entered, recoveryKeyFile?: string) => ({
  data: { server: url, ...entered, unlocked: true, recoveryKeyFile },
  text: `Signed in as ${printable(entered.name)} at ${url}, and unlocked.\n${
    recoveryKeyFile === undefined
      ? ''
      : `The recovery key that you used no longer works. The new one is in ${recoveryKeyFile}: keep it away from this computer.\n`
  }`,
})

/** `left` is known where a backup code was used and few remain. */
const withCodesNote = <D extends Readonly<Record<string, Json | undefined>>>(
  { data, text }: { data: D; text: string },
  left: number | undefined,
): Outcome =>
  left === undefined
    ? { data, text }
    : { data: { ...data, backupCodesLeft: left }, text: `${text}${backupCodesNote(left)}` }

/**
 * Signs in by the recovery key, which is used up by that: its successor is in its file before the old one ends. Where
 * anything fails before, the old one still works and the new file is removed.
 */
export const enterByRecoveryKey = async (
  call: Surroundings,
  connection: Connection,
  given: {
    readonly keyFile: string
    readonly outFile: string | undefined
    readonly label: string | undefined
  },
): Promise<Outcome> => {
  const file = await reserveRecoveryKey(call, given.outFile)
  let written = false
  try {
    const signedIn = await proveByRecoveryKey(call, connection, given.keyFile)
    connection.setToken(signedIn.token)
    const recoveryKey = {
      ...file,
      write: (text: string) => {
        // From here on the server may have taken it, also where no answer comes back.
        written = true
        return file.write(text)
      },
    }
    const entered = await enterAccount(connection, signedIn, { label: given.label, recoveryKey })
    return outcomeOf(connection.server.url, entered, file.path)
  } catch (error) {
    if (written) {
      call.terminal.stderr.write(
        `A new recovery key is in ${file.path}. Keep the old one too, until one of them was used again.\n`,
      )
    }
    throw error
  } finally {
    await file.keep()
  }
}

const signInOnly = async (call: SignInCall, connection: Connection): Promise<Outcome> => {
  const signedIn = await proveByPassword(call, connection, call.options)
  connection.setToken(signedIn.token)
  const { account, log } = signedIn
  const { name, role } = await connection.client.call(getSession)
  await rememberAccount(connection, { account: { id: account, log, name } })
  const { url } = connection.server
  const { expiresAt, backupCodesLeft } = signedIn
  const data = { server: url, account, log, name, role, unlocked: false, expiresAt }
  const text = `Signed in as ${printable(name)} at ${url} until ${formatTime(expiresAt)}.\nFiles are locked: hearthold unlock opens them.\n`
  return withCodesNote({ data, text }, backupCodesLeft)
}

const signIn = async (call: SignInCall, connection: Connection): Promise<Outcome> => {
  const keyFile = call.options['recovery-key-file']
  const noUnlock = call.options['no-unlock']
  if (keyFile !== undefined) {
    if (noUnlock) {
      throw new CliError(
        'usage',
        'A recovery key signs in and unlocks at once.',
        'Leave out --no-unlock.',
      )
    }
    const { 'recovery-key-out': outFile, 'device-label': label } = call.options
    return enterByRecoveryKey(call, connection, { keyFile, outFile, label })
  }
  if (noUnlock) return signInOnly(call, connection)
  const signedIn = await proveByPassword(call, connection, call.options)
  connection.setToken(signedIn.token)
  const entered = await enterAccount(connection, signedIn, { label: call.options['device-label'] })
  const outcome = outcomeOf(connection.server.url, entered)
  return withCodesNote(outcome, signedIn.backupCodesLeft)
}

/** The session that this device had before is of no more use; where it cannot be ended it ends by itself. */
const endEarlier = async (connection: Connection, earlier: string | undefined): Promise<void> => {
  const newer = connection.token()
  if (earlier === undefined || newer === undefined || earlier === newer) return
  connection.setToken(earlier)
  await connection.client.call(endSession).catch(() => undefined)
  connection.setToken(newer)
}

export const signInVerb = defineVerb({
  example: 'hearthold sign-in --server https://hearth.example:8765 --name ada',
  arguments: [],
  options,
  run: async (call) => {
    const connection = await connectAfresh(call)
    try {
      const earlier = connection.server.findToken()
      const outcome = await signIn(call, connection)
      await endEarlier(connection, earlier)
      return outcome
    } finally {
      connection.close()
    }
  },
})
