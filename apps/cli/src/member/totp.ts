import { setTimeout as sleep } from 'node:timers/promises'
import { ProblemError } from '@hearthold/contract'
import { totpCode } from '@hearthold/member'
import { CliError } from '../cli-error.ts'
import type { ServerHome } from '../home/server-home.ts'
import type { Terminal } from '../terminal.ts'

/** The server takes codes of three steps, each once: more tries than these would only be guesses. */
export const stepsAtOnce = 3

/** Computes codes of the authenticator for one name at one server, each step once. */
export type TotpCodes = {
  /** The lowest unused code; waits, and says so, where all of the current ones were used. Throws `CliError` for a secret that is none. */
  next(secretBase32: string): Promise<string>
}

export const createTotpCodes = (
  server: ServerHome,
  name: string,
  terminal: Terminal,
): TotpCodes => {
  const key = name.normalize('NFKC').trim().toLowerCase()
  const compute = (secret: string) => {
    try {
      return totpCode(secret, terminal.now(), server.findTotpStep(key))
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      throw new CliError(
        'usage',
        'The authenticator secret cannot be read.',
        'It is base32 text, as sign-up wrote it.',
      )
    }
  }
  return {
    next: async (secret) => {
      for (;;) {
        const result = compute(secret)
        if ('code' in result) {
          // Before it is sent: a code that may have been used is never sent again.
          await server.writeTotpStep(key, result.step)
          return result.code
        }
        const seconds = Math.ceil(result.waitMs / 1000)
        terminal.stderr.write(`Waiting ${seconds} s for the next code of the authenticator.\n`)
        await sleep(result.waitMs + 50, undefined, { signal: terminal.signal })
      }
    },
  }
}

/** Runs `attempt` again while its computed code had been used elsewhere, on another device for instance. */
export const retryUsedCodes = async <T>(
  computed: boolean,
  attempt: () => Promise<T>,
): Promise<T> => {
  for (let count = 1; ; count++) {
    try {
      return await attempt()
    } catch (error) {
      const used = error instanceof ProblemError && error.code === 'second_factor_wrong'
      if (!used || !computed || count >= stepsAtOnce) throw error
    }
  }
}
