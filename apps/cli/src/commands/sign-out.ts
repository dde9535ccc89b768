import { endSession, ProblemError } from '@hearthold/contract'
import { NetworkError } from '@hearthold/client'
import { exitCodes } from '../cli-error.ts'
import { connect } from '../connection.ts'
import { serverOptions } from './options.ts'
import { defineVerb } from './verb.ts'

/** The server may be gone, or have ended the session itself: this computer forgets its secrets in any case. */
const endAtServer = async (work: () => Promise<unknown>): Promise<'ended' | 'unreachable'> => {
  try {
    await work()
  } catch (error) {
    if (error instanceof NetworkError) return 'unreachable'
    if (!(error instanceof ProblemError && error.code === 'unauthenticated')) throw error
  }
  return 'ended'
}

export const signOutVerb = defineVerb({
  example: 'hearthold sign-out',
  arguments: [],
  options: serverOptions,
  run: async (call) => {
    const { client, server, close } = await connect(call)
    try {
      const known = server.findToken() !== undefined || call.options['token-file'] !== undefined
      const outcome = known
        ? await endAtServer(() => client.call(endSession, { signal: call.terminal.signal }))
        : 'ended'
      await server.forgetSecrets()
      if (outcome === 'ended')
        return {
          data: { server: server.url, endedAtServer: true },
          text: `Signed out of ${server.url}.\n`,
        }
      return {
        data: { server: server.url, endedAtServer: false },
        text: `Signed out here. ${server.url} could not be reached: the session there ends by itself within a day.\n`,
        exitCode: exitCodes.network,
      }
    } finally {
      close()
    }
  },
})
