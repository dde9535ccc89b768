import {
  finishTotpChange,
  getSession,
  replaceBackupCodes,
  startTotpChange,
} from '@hearthold/contract'
import {
  changePassword,
  listMethods,
  passwordProblem,
  removeMethod,
  replaceRecoveryKey,
  type ListedMethod,
} from '@hearthold/member'
import { CliError } from '../cli-error.ts'
import { secondFactorOf, withFreshProof, withSecondFactor } from '../member/prove.ts'
import { createTotpCodes, retryUsedCodes } from '../member/totp.ts'
import { withMember, type MemberConnection } from '../member/with-member.ts'
import { backupCodesNote } from '../output/backup-codes.ts'
import { reserveSecretFile, type SecretFile } from '../output/secret-file.ts'
import { formatTable } from '../output/table.ts'
import {
  backupCodesOutOption,
  codeOption,
  passwordOption,
  recoveryKeyOutOption,
  totpSecretOption,
  totpSecretOutOption,
} from './credential-options.ts'
import { serverOptions } from './options.ts'
import { defineVerb, type Option, type Surroundings, type Verb } from './verb.ts'

const listVerb = (example: string): Verb =>
  defineVerb({
    example,
    arguments: [],
    options: serverOptions,
    run: (call) =>
      withMember(call, async ({ member }) => {
        const methods = await listMethods(member)
        const text = formatTable<ListedMethod>(
          [
            { title: 'Method', value: ({ id }) => id },
            { title: 'Kind', value: ({ type }) => type },
            { title: 'Used here', value: ({ current }) => (current ? 'yes' : '') },
          ],
          methods,
        )
        return { data: { methods }, text }
      }),
  })

export const methodsVerb = listVerb('hearthold methods')
export const methodsListVerb = listVerb('hearthold methods list')

/** Runs a change of the account: one process of this home at a time, with a fresh proof where the server asks for one. */
const change = <T>(
  call: Surroundings & { readonly options: { readonly 'password-file': string | undefined } },
  connection: MemberConnection,
  work: () => Promise<T>,
): Promise<T> =>
  connection.home.withLock('account', () =>
    withFreshProof(call, connection, call.options['password-file'], work),
  )

const reserve = async (
  call: Surroundings,
  label: string,
  option: Option & { readonly env: string },
  path: string | undefined,
): Promise<SecretFile> =>
  reserveSecretFile(
    await call.questions.text({
      label,
      flag: `--${option.name}`,
      env: option.env,
      value: path,
    }),
  )

const ended = (count: number): string =>
  count === 0 ? '' : ` ${count} other ${count === 1 ? 'session' : 'sessions'} ended.`

export const changePasswordVerb = defineVerb({
  example: 'hearthold methods change-password',
  arguments: [],
  options: [
    ...serverOptions,
    passwordOption,
    {
      name: 'new-password-file',
      value: 'FILE',
      summary: 'The new password, in a file or from standard input (-)',
      env: 'HEARTHOLD_NEW_PASSWORD_FILE',
      completes: 'file',
    },
    { name: 'rotate', summary: 'Also make all keys new: somebody may know the old password' },
  ],
  run: (call) =>
    withMember(call, async (connection) => {
      const password = await call.questions.secret({
        label: 'New password',
        flag: '--new-password-file',
        env: 'HEARTHOLD_NEW_PASSWORD_FILE',
        file: call.options['new-password-file'],
        twice: true,
      })
      const problem = passwordProblem(password)
      if (problem !== undefined) throw new CliError('usage', problem, 'Choose a longer one.')
      const { rotate } = call.options
      const { sessionsEnded } = await change(call, connection, () =>
        changePassword(connection.member, { password, rotate }),
      )
      return {
        data: { changed: true, sessionsEnded },
        text: `The password is changed.${ended(sessionsEnded)}\n`,
      }
    }),
})

export const replaceRecoveryKeyVerb = defineVerb({
  example: 'hearthold methods replace-recovery-key --recovery-key-out /media/usb/recovery-key',
  arguments: [],
  options: [...serverOptions, passwordOption, recoveryKeyOutOption],
  run: (call) =>
    withMember(call, async (connection) => {
      const file = await reserve(
        call,
        'File for the new recovery key',
        recoveryKeyOutOption,
        call.options['recovery-key-out'],
      )
      try {
        const { sessionsEnded } = await change(call, connection, () =>
          replaceRecoveryKey(connection.member, (text) => file.write(text)),
        )
        return {
          data: { replaced: true, sessionsEnded, recoveryKeyFile: file.path },
          text: `The old recovery key no longer works. The new one is in ${file.path}: keep it away from this computer.${ended(sessionsEnded)}\n`,
        }
      } finally {
        // Also after a failure: the server may have taken it although no answer came back.
        await file.keep()
      }
    }),
})

export const removeMethodVerb = defineVerb({
  example: 'hearthold methods remove 0f3a91c2d4e5f60718293a4b5c6d7e8f',
  arguments: [{ name: 'method', summary: 'Its id, as hearthold methods shows it', required: true }],
  options: [...serverOptions, passwordOption, totpSecretOption, codeOption],
  run: (call) => {
    const { method: id } = call.arguments
    if (!/^[0-9a-f]{32}$/.test(id)) {
      throw new CliError('usage', 'A method has 32 hex digits.', 'hearthold methods lists them.')
    }
    return withMember(call, async (connection) => {
      const { member, server } = connection
      const found = (await listMethods(member)).find((method) => method.id === id)
      const name = server.findRecord()?.account?.name ?? ''
      const code =
        found?.type === 'password'
          ? await secondFactorOf(call, connection, name, call.options)
          : undefined
      const { sessionsEnded } = await change(call, connection, () => removeMethod(member, id, code))
      if (id === server.findRecord()?.deviceMethod) await server.forgetSecrets()
      return {
        data: { removed: id, sessionsEnded },
        text: `The method no longer opens the account, and all keys are new.${ended(sessionsEnded)}\n`,
      }
    })
  },
})

export const replaceAuthenticatorVerb = defineVerb({
  example: 'hearthold methods replace-authenticator --totp-secret-out authenticator-secret',
  arguments: [],
  options: [...serverOptions, passwordOption, totpSecretOption, codeOption, totpSecretOutOption],
  run: (call) =>
    withMember(call, async (connection) => {
      const { client, server } = connection
      const file = await reserve(
        call,
        "File for the authenticator's secret",
        totpSecretOutOption,
        call.options['totp-secret-out'],
      )
      try {
        const left = await change(call, connection, async () => {
          const { change: started, totpSecret } = await withSecondFactor(
            call,
            connection,
            call.options,
            (body) => client.call(startTotpChange, { body }),
          )
          await file.write(totpSecret)
          const name = server.findRecord()?.account?.name ?? ''
          const codes = createTotpCodes(server, name, call.terminal)
          await retryUsedCodes(true, async () => {
            const totpCode = await codes.next(totpSecret)
            await client.call(finishTotpChange, { body: { change: started, totpCode } })
          })
          return (await client.call(getSession)).backupCodesLeft
        })
        return {
          data: { replaced: true, totpSecretFile: file.path, backupCodesLeft: left },
          text: `The old authenticator no longer counts. The new secret is in ${file.path}: add it to your authenticator app.\n${backupCodesNote(left)}`,
        }
      } finally {
        await file.keep()
      }
    }),
})

export const backupCodesVerb = defineVerb({
  example: 'hearthold methods backup-codes --backup-codes-out backup-codes',
  arguments: [],
  options: [...serverOptions, passwordOption, totpSecretOption, codeOption, backupCodesOutOption],
  run: (call) =>
    withMember(call, async (connection) => {
      const file = await reserve(
        call,
        'File for the backup codes',
        backupCodesOutOption,
        call.options['backup-codes-out'],
      )
      try {
        const { backupCodes } = await change(call, connection, () =>
          withSecondFactor(call, connection, call.options, (body) =>
            connection.client.call(replaceBackupCodes, { body }),
          ),
        )
        await file.write(backupCodes.join('\n'))
        return {
          data: { backupCodes: backupCodes.length, backupCodesFile: file.path },
          text: `${backupCodes.length} new backup codes are in ${file.path}; the old ones no longer work.\n`,
        }
      } finally {
        await file.keep()
      }
    }),
})
