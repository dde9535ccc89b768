import { getSession } from '@hearthold/contract'
import { withSession } from '../connection.ts'
import { formatTime, printable } from '../output/text.ts'
import { serverOptions } from './options.ts'
import { defineVerb } from './verb.ts'

export const whoamiVerb = defineVerb({
  example: 'hearthold whoami',
  arguments: [],
  options: serverOptions,
  run: (call) =>
    withSession(call, async ({ client, server }) => {
      const { account, log, name, role, session, backupCodesLeft } = await client.call(getSession, {
        signal: call.terminal.signal,
      })
      const unlocked = server.findDeviceSecret() !== undefined
      return {
        data: {
          server: server.url,
          account,
          log,
          name,
          role,
          session: session.id,
          device: session.device,
          expiresAt: session.expiresAt,
          unlocked,
          backupCodesLeft,
        },
        text: `${printable(name)} (${role}) at ${server.url}\nSigned in until ${formatTime(session.expiresAt)}; ${unlocked ? 'unlocked on this device' : 'locked: hearthold unlock opens the files'}.\n`,
      }
    }),
})
