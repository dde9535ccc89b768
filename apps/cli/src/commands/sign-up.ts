import { getInstance, ProblemError } from '@hearthold/contract'
import { connectAfresh, type AddressCall } from '../connection.ts'
import { parseServerLink } from '../home/server-address.ts'
import { newAccount } from '../member/new-account.ts'
import { canAsk } from '../terminal.ts'
import { newAccountOptions } from './credential-options.ts'
import { addressOptions } from './options.ts'
import { defineVerb } from './verb.ts'

/**
 * Whether the server that was named takes new members without an invitation. Where it does not, and nobody can be asked
 * for one, throws before anything is made.
 */
const isOpen = async (call: AddressCall): Promise<boolean> => {
  if (call.options.server === undefined) return false
  const connection = await connectAfresh(call)
  try {
    const { registration } = await connection.client.call(getInstance, {
      signal: call.terminal.signal,
    })
    if (registration === 'closed' && !canAsk(call.terminal))
      throw new ProblemError('registration_closed')
    return registration !== 'closed'
  } finally {
    connection.close()
  }
}

export const signUpVerb = defineVerb({
  example:
    'hearthold sign-up --invite-file invitation --name bertil --recovery-key-out /media/usb/recovery-key',
  arguments: [],
  options: [
    ...addressOptions,
    {
      name: 'invite-file',
      value: 'FILE',
      summary: 'The invitation link (- for standard input); needless where registration is open',
      env: 'HEARTHOLD_INVITE_FILE',
      completes: 'file',
    },
    ...newAccountOptions,
  ],
  run: async (call) => {
    const file = call.options['invite-file']
    if (file === undefined && (await isOpen(call)))
      return newAccount(call, { origin: undefined, pin: undefined }, { open: true })
    const link = parseServerLink(
      await call.questions.secret({
        label: 'Invitation link',
        flag: '--invite-file',
        env: 'HEARTHOLD_INVITE_FILE',
        file,
      }),
    )
    return newAccount(call, link, { invitation: link.token })
  },
})
