import { getUsage } from '@hearthold/contract'
import { withSession } from '../connection.ts'
import { coloursFor } from '../output/colours.ts'
import { usageSentence, usageWarning } from '../output/usage-words.ts'
import { serverOptions } from './options.ts'
import { defineVerb } from './verb.ts'

export const usageVerb = defineVerb({
  example: 'hearthold usage',
  arguments: [],
  options: serverOptions,
  run: (call) =>
    withSession(call, async ({ client }) => {
      const { terminal } = call
      const usage = await client.call(getUsage, { signal: terminal.signal })
      const { usedBytes, quotaBytes, band } = usage
      const warning = usageWarning(usage)
      const colours = coloursFor(terminal.stdout, terminal)
      const shown = warning && (band >= 100 ? colours.bad : colours.warn)(warning)
      return {
        data: { usedBytes, quotaBytes, band },
        text: `${usageSentence(usage)}\n${shown ? `${shown}\n` : ''}`,
      }
    }),
})
