import { parseServerLink } from '../home/server-address.ts'
import { newAccount } from '../member/new-account.ts'
import { newAccountOptions } from './credential-options.ts'
import { addressOptions } from './options.ts'
import { defineVerb } from './verb.ts'

export const setUpVerb = defineVerb({
  example:
    'hearthold set-up --server http://localhost:8765 --token-file data/set-up-token --instance-name "Elm Street 5" --name ada',
  arguments: [],
  options: [
    ...addressOptions,
    {
      name: 'token-file',
      value: 'FILE',
      summary: 'The set-up token, or the link that `serve` prints',
      env: 'HEARTHOLD_TOKEN_FILE',
      completes: 'file',
    },
    {
      name: 'instance-name',
      value: 'NAME',
      summary: 'What this server is called',
      env: 'HEARTHOLD_INSTANCE_NAME',
    },
    ...newAccountOptions,
  ],
  run: async (call) => {
    const { questions, options } = call
    const link = parseServerLink(
      await questions.secret({
        label: 'Set-up link or token',
        flag: '--token-file',
        env: 'HEARTHOLD_TOKEN_FILE',
        file: options['token-file'],
      }),
    )
    const instanceName = await questions.text({
      label: 'Name of this server',
      flag: '--instance-name',
      env: 'HEARTHOLD_INSTANCE_NAME',
      value: options['instance-name'],
    })
    return newAccount(call, link, { setUpToken: link.token, instanceName })
  },
})
