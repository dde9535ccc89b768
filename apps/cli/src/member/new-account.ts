import { NetworkError } from '@hearthold/client'
import {
  bindDevice,
  createAccount,
  passwordProblem,
  unlock,
  type CreateAccountOptions,
  type CreatedAccount,
  type PasswordWay,
  type SignUpPass,
} from '@hearthold/member'
import { CliError } from '../cli-error.ts'
import { connectAfresh, type AddressCall, type Connection } from '../connection.ts'
import type { newAccountOptions } from '../commands/credential-options.ts'
import type { addressOptions } from '../commands/options.ts'
import type { Call, Outcome } from '../commands/verb.ts'
import { parseServerAddress, type ServerLink } from '../home/server-address.ts'
import { reserveSecretFile, type SecretFile } from '../output/secret-file.ts'
import { formatTime, printable } from '../output/text.ts'
import { canAsk } from '../terminal.ts'
import { labelOf, rememberAccount } from './enter-account.ts'
import { createTotpCodes, stepsAtOnce } from './totp.ts'
import { memberContext } from './with-member.ts'

export type NewAccountCall = Call<
  readonly [],
  readonly [...typeof addressOptions, ...typeof newAccountOptions]
>

/** A token goes only to the server that its link names, or, where it is bare, to one that is named beside it. */
export const originOf = (call: AddressCall, link: Pick<ServerLink, 'origin'>): string => {
  const named =
    call.options.server === undefined ? undefined : parseServerAddress(call.options.server)
  if (named !== undefined && link.origin !== undefined && named !== link.origin) {
    throw new CliError(
      'usage',
      'The link is of another server than the one named.',
      'Leave out --server and HEARTHOLD_SERVER: the link names its own.',
    )
  }
  const origin = link.origin ?? named
  if (origin !== undefined) return origin
  throw new CliError(
    'usage',
    'No server was named.',
    'Give the whole link, or the address by --server.',
  )
}

const newPassword = async ({ questions, options }: NewAccountCall): Promise<string> => {
  const password = await questions.secret({
    label: 'New password',
    flag: '--password-file',
    env: 'HEARTHOLD_PASSWORD_FILE',
    file: options['password-file'],
    twice: true,
  })
  const problem = passwordProblem(password)
  if (problem !== undefined)
    throw new CliError('usage', problem, 'A sentence that only you would say is a good one.')
  return password
}

const displayNameLimit = 128

/** Checked before anything is sent; nothing where it is not given. */
const displayNameOf = ({ options }: NewAccountCall): { displayName?: string } => {
  const given = options['display-name']
  if (given === undefined) return {}
  const displayName = given.trim().normalize('NFC')
  if (displayName !== '' && displayName.length <= displayNameLimit) return { displayName }
  throw new CliError(
    'usage',
    'The display name is empty or too long.',
    `Give one of 1 to ${displayNameLimit} characters by --display-name or HEARTHOLD_DISPLAY_NAME.`,
  )
}

type Files = {
  readonly recoveryKey: SecretFile
  readonly totpSecret: SecretFile | undefined
  readonly backupCodes: SecretFile | undefined
}

/** Makes all files, or none. */
const reserveFiles = async (call: NewAccountCall): Promise<Files> => {
  const { options, questions } = call
  const recoveryPath = await questions.text({
    label: 'File for the recovery key',
    flag: '--recovery-key-out',
    env: 'HEARTHOLD_RECOVERY_KEY_OUT',
    value: options['recovery-key-out'],
  })
  const made: SecretFile[] = []
  const reserve = async (path: string): Promise<SecretFile> => {
    const file = await reserveSecretFile(path)
    made.push(file)
    return file
  }
  const reserveIf = (path: string | undefined) =>
    path === undefined ? Promise.resolve(undefined) : reserve(path)
  try {
    return {
      recoveryKey: await reserve(recoveryPath),
      totpSecret: await reserveIf(options['totp-secret-out']),
      backupCodes: await reserveIf(options['backup-codes-out']),
    }
  } catch (error) {
    for (const file of made) await file.discard()
    throw error
  }
}

const askCode = ({ questions }: NewAccountCall): Promise<string> =>
  questions.text({
    label: 'Code that the authenticator app shows',
    flag: '--totp-secret-out',
    env: 'HEARTHOLD_TOTP_SECRET_OUT',
    value: undefined,
  })

const secondFactorOf = (
  call: NewAccountCall,
  connection: Connection,
  name: string,
  file: SecretFile | undefined,
): Pick<PasswordWay, 'keepTotp' | 'onWrongCode'> => {
  const codes = createTotpCodes(connection.server, name, call.terminal)
  if (!file) {
    return {
      keepTotp: ({ secret, uri }) => {
        call.terminal.stderr.write(
          `Add this to your authenticator app:\n  ${printable(uri)}\nor type its secret: ${printable(secret)}\n`,
        )
        return askCode(call)
      },
      onWrongCode: () => {
        call.terminal.stderr.write('That code was wrong.\n')
        return askCode(call)
      },
    }
  }
  let kept = ''
  let tries = 1
  return {
    keepTotp: async ({ secret }) => {
      await file.write(secret)
      kept = secret
      return codes.next(secret)
    },
    // A code may run out on its way, and clocks differ by a little.
    onWrongCode: async () => {
      if (tries++ < stepsAtOnce) return codes.next(kept)
      throw new CliError(
        'failure',
        'The server refuses all codes of the new authenticator.',
        'Compare the clock of this computer with that of the server.',
      )
    },
  }
}

const checkFree = ({ server }: Connection): void => {
  if (server.findToken() === undefined) return
  const name = server.findRecord()?.account?.name
  throw new CliError(
    'conflict',
    `Already signed in at ${server.url}${name === undefined ? '' : ` as ${printable(name)}`}.`,
    'Sign out first (hearthold sign-out), or name another folder by HEARTHOLD_HOME.',
  )
}

/** Checked before anything is asked or sent. */
const checkAnswerable = (call: NewAccountCall): void => {
  if (call.options['totp-secret-out'] !== undefined || canAsk(call.terminal)) return
  throw new CliError(
    'usage',
    "A place for the authenticator's secret is needed, and there is no terminal to show it on.",
    'Give it by --totp-secret-out or HEARTHOLD_TOTP_SECRET_OUT.',
  )
}

const all = ({ recoveryKey, totpSecret, backupCodes }: Files): SecretFile[] =>
  [recoveryKey, totpSecret, backupCodes].filter((file) => file !== undefined)

/** Whether the server may have made the account although no answer came: then the secrets may be the only way in. */
const mayBeMade = (error: unknown): boolean => error instanceof NetworkError && error.sent

const create = async (
  call: NewAccountCall,
  connection: Connection,
  pass: SignUpPass,
  files: Files,
  { password, ...who }: Pick<CreateAccountOptions, 'name' | 'displayName'> & { password: string },
): Promise<CreatedAccount> => {
  let asked = false
  const { keepTotp, ...rest } = secondFactorOf(call, connection, who.name, files.totpSecret)
  try {
    return await createAccount(memberContext(connection), {
      ...who,
      way: {
        kind: 'password',
        password,
        ...rest,
        keepTotp: async (totp) => {
          const code = await keepTotp(totp)
          asked = true
          return code
        },
      },
      pass,
      deviceLabel: labelOf(call.options['device-label']),
      deviceSeed: await connection.home.deviceSeed(),
      deviceMethod: true,
      keepRecoveryKey: (text) => files.recoveryKey.write(text),
      transport: 'bearer',
      signal: call.terminal.signal,
    })
  } catch (error) {
    if (!asked || !mayBeMade(error)) for (const file of all(files)) await file.discard()
    throw error
  }
}

const backupNote = (call: NewAccountCall, files: Files, codes: readonly string[]): string => {
  if (files.backupCodes) return `Ten backup codes are in ${files.backupCodes.path}.\n`
  if (call.terminal.stdout.isTTY === true)
    return `Backup codes, each good for one sign-in without the authenticator:\n  ${codes.join('\n  ')}\n`
  return 'Backup codes were not kept: hearthold methods backup-codes makes new ones.\n'
}

/**
 * Makes an account by a link's pass, or without one where registration is open, and leaves this device signed in and
 * unlocked, unless a host must let the account in first. Every secret is in its file before
 * the server is told to make anything; what fails before that leaves neither account nor files.
 */
export const newAccount = async (
  call: NewAccountCall,
  link: Pick<ServerLink, 'origin' | 'pin'>,
  pass: SignUpPass,
): Promise<Outcome> => {
  checkAnswerable(call)
  const { questions, options } = call
  const shown = displayNameOf(call)
  const pin = link.pin === undefined ? undefined : ({ kind: 'pin', pin: link.pin } as const)
  const connection = await connectAfresh(
    { ...call, options: { ...options, server: undefined } },
    { origin: originOf(call, link), pin },
  )
  try {
    checkFree(connection)
    const name = await questions.text({
      label: 'Sign-in name',
      flag: '--name',
      env: 'HEARTHOLD_NAME',
      value: options.name,
    })
    const password = await newPassword(call)
    const files = await reserveFiles(call)
    const created = await create(call, connection, pass, files, { name, password, ...shown })
    await files.backupCodes?.write(created.backupCodes.join('\n'))
    for (const file of all(files)) await file.keep()
    await enter(connection, created, name)
    return outcomeOf(call, connection.server.url, files, created, {
      name,
      displayName: shown.displayName ?? name,
    })
  } finally {
    connection.close()
  }
}

/** Remembers the account, and uses its first session where it has one. */
const enter = async (
  connection: Connection,
  created: CreatedAccount,
  name: string,
): Promise<void> => {
  connection.setToken(created.token)
  await rememberAccount(connection, {
    account: { id: created.account, log: created.log, name },
    instanceKey: created.instanceKey,
    method: created.unlockBy,
  })
  if (created.session === undefined) return
  const { unlockBy, device, session } = created
  const member = await unlock(memberContext(connection), created, unlockBy, device)
  await bindDevice(member, session)
}

const outcomeOf = (
  call: NewAccountCall,
  url: string,
  files: Files,
  created: CreatedAccount,
  { name, displayName }: { name: string; displayName: string },
): Outcome => {
  const { waitsUntil, expiresAt } = created
  const welcome =
    waitsUntil === undefined
      ? `Welcome, ${printable(displayName)}: signed in and unlocked at ${url}.\n`
      : `The account is made, and waits for a host of ${url} until ${formatTime(waitsUntil)}. Then: hearthold sign-in --name ${printable(name)}\n`
  return {
    data: {
      ...{ server: url, account: created.account, log: created.log, name, displayName },
      role: created.role,
      device: created.device.id,
      ...(waitsUntil === undefined ? { expiresAt } : { waitsUntil }),
      recoveryKeyFile: files.recoveryKey.path,
      totpSecretFile: files.totpSecret?.path,
      backupCodesFile: files.backupCodes?.path,
      backupCodes: created.backupCodes.length,
    },
    text: [
      welcome,
      `Your recovery key is in ${files.recoveryKey.path}. It is the only other way in: keep it away from this computer.\n`,
      files.totpSecret ? `The authenticator's secret is in ${files.totpSecret.path}.\n` : '',
      backupNote(call, files, created.backupCodes),
    ].join(''),
  }
}
