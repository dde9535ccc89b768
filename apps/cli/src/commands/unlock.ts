import { withSession } from '../connection.ts'
import { enterAccount } from '../member/enter-account.ts'
import { proveAgain } from '../member/prove.ts'
import { printable } from '../output/text.ts'
import {
  deviceLabelOption,
  passwordOption,
  recoveryKeyOption,
  recoveryKeyOutOption,
} from './credential-options.ts'
import { serverOptions } from './options.ts'
import { enterByRecoveryKey } from './sign-in.ts'
import { defineVerb } from './verb.ts'

export const unlockVerb = defineVerb({
  example: 'hearthold unlock --password-file /run/secrets/password',
  arguments: [],
  options: [
    ...serverOptions,
    passwordOption,
    recoveryKeyOption,
    recoveryKeyOutOption,
    deviceLabelOption,
  ],
  run: (call) =>
    withSession(call, async (connection) => {
      const { 'device-label': label, 'recovery-key-file': keyFile } = call.options
      if (keyFile !== undefined) {
        const outFile = call.options['recovery-key-out']
        return enterByRecoveryKey(call, connection, { keyFile, outFile, label })
      }
      const proof = await proveAgain(call, connection, call.options['password-file'])
      const entered = await enterAccount(connection, proof, { label })
      return {
        data: { server: connection.server.url, ...entered, unlocked: true },
        text: `Unlocked ${printable(entered.name)}'s files on this device.\n`,
      }
    }),
})
