import { type AnswerOf, type listLogs, ProblemError } from '@hearthold/contract'
import {
  decodeAppend,
  encodeReceipts,
  IntegrityError,
  type LogAppend,
  toHex,
} from '@hearthold/crypto'
import { logKinds } from '@hearthold/model'
import type { LogHead } from '#platform/logs/index.ts'
import { checkpoints } from './checkpoints.ts'
import type { Asker, LogFeatureDeps } from './deps.ts'
import { registers } from './registers.ts'

type ShownHead = AnswerOf<typeof listLogs>['logs'][number]

const shown = ({ log, kind, seq, chain, at, entryBytes }: LogHead): ShownHead => ({
  ...{ log, kind, seq },
  chain: toHex(chain),
  ...{ at, entryBytes },
})

const readAppend = ({ buffer, byteOffset, length }: Uint8Array): LogAppend[] => {
  try {
    // A plain array even of a Buffer: `slice` of that one does not copy, and views would keep whole bodies.
    return decodeAppend(new Uint8Array(buffer, byteOffset, length))
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error
    throw new ProblemError(
      'entry_invalid',
      'The append is not in the format of docs/formats/logs.md.',
    )
  }
}

/** What members do with their logs; how entries are judged is the log service's. */
export const logsService = (deps: LogFeatureDeps) => {
  const { logs } = deps

  /** An account's log changes with the credentials beside it: identity does that. */
  const isAccountLog = ({ log, genesis }: LogAppend, asker: Asker): boolean =>
    toHex(log) === asker.log || genesis?.kind === logKinds.account

  const headFor = async (asker: Asker, log: string): Promise<LogHead> => {
    const head = await logs.head(log)
    // A stranger's log and one that does not exist look the same.
    if (!head || !(await logs.mayRead(asker.log, log))) throw new ProblemError('not_found')
    return head
  }

  return {
    append: async (asker: Asker, body: Uint8Array): Promise<Uint8Array> => {
      const appends = readAppend(body)
      if (appends.some((append) => isAccountLog(append, asker))) {
        throw new ProblemError('entry_refused', 'Account logs are changed by appendAccount.')
      }
      if (asker.role === 'guest' && appends.some(({ genesis }) => genesis)) {
        throw new ProblemError('forbidden', 'Guests have only what others share with them.')
      }
      const { account, log } = asker
      return encodeReceipts(await logs.append({ actor: { account, log }, appends }))
    },

    list: async (asker: Asker): Promise<{ logs: ShownHead[] }> => ({
      logs: (await logs.listFor(asker.log)).map(shown),
    }),

    head: async (asker: Asker, log: string): Promise<ShownHead> => shown(await headFor(asker, log)),

    read: async (
      asker: Asker,
      log: string,
      place: { after: number; limit?: number },
    ): Promise<Uint8Array> => {
      await headFor(asker, log)
      const page = await logs.readPage({ log, ...place })
      if (!page) throw new ProblemError('not_found')
      return page.bytes
    },

    checkpoints: checkpoints(deps),
    registers: registers(deps),
  }
}

export type LogsService = ReturnType<typeof logsService>
