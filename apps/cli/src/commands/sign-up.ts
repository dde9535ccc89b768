import { parseServerLink } from '../home/server-address.ts'
import { newAccount } from '../member/new-account.ts'
import { newAccountOptions } from './credential-options.ts'
import { addressOptions } from './options.ts'
import { defineVerb } from './verb.ts'

export const signUpVerb = defineVerb({
  example:
    'hearthold sign-up --invite-file invitation --name bertil --recovery-key-out /media/usb/recovery-key',
  arguments: [],
  options: [
    ...addressOptions,
    {
      name: 'invite-file',
      value: 'FILE',
      summary: 'The invitation link, in a file or from standard input (-)',
      env: 'HEARTHOLD_INVITE_FILE',
      completes: 'file',
    },
    ...newAccountOptions,
  ],
  run: async (call) => {
    const link = parseServerLink(
      await call.questions.secret({
        label: 'Invitation link',
        flag: '--invite-file',
        env: 'HEARTHOLD_INVITE_FILE',
        file: call.options['invite-file'],
      }),
    )
    return newAccount(call, link, { invitation: link.token })
  },
})
