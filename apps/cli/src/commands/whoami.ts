import { getSession } from '@hearthold/contract'
import { CliError } from '../cli-error.ts'
import { type Connection, withSession } from '../connection.ts'
import { backupCodesNote } from '../output/backup-codes.ts'
import { formatTime, printable } from '../output/text.ts'
import { serverOptions } from './options.ts'
import { defineVerb } from './verb.ts'

/** The sealed display name, where this device opens the account of the session; loaded only then. */
const displayNameOf = async (
  connection: Connection,
  account: string,
): Promise<string | undefined> => {
  const record = connection.server.findRecord()
  if (record?.account?.id !== account || !connection.server.findDeviceSecret()) return undefined
  const { unlockHere } = await import('../member/with-member.ts')
  try {
    const member = await unlockHere(connection)
    return await member.account.openName(member.keys.keyring)
  } catch (error) {
    // Locked, or let in no more: who is signed in can be said all the same.
    if (error instanceof CliError) return undefined
    throw error
  }
}

export const whoamiVerb = defineVerb({
  example: 'hearthold whoami',
  arguments: [],
  options: serverOptions,
  run: (call) =>
    withSession(call, async (connection) => {
      const { client, server } = connection
      const who = await client.call(getSession, { signal: call.terminal.signal })
      const { account, log, name, role, session, backupCodesLeft, hasPassword } = who
      const displayName = await displayNameOf(connection, account)
      const person = [...new Set([displayName ?? name, name])].map(printable).join(', ')
      const unlocked = server.findDeviceSecret() !== undefined
      return {
        data: {
          server: server.url,
          account,
          log,
          name,
          ...(displayName === undefined ? {} : { displayName }),
          role,
          session: session.id,
          device: session.device,
          expiresAt: session.expiresAt,
          unlocked,
          backupCodesLeft,
        },
        text: `${person} (${role}) at ${server.url}\nSigned in until ${formatTime(session.expiresAt)}; ${unlocked ? 'unlocked on this device' : 'locked: hearthold unlock opens the files'}.\n${hasPassword ? backupCodesNote(backupCodesLeft) : ''}`,
      }
    }),
})
