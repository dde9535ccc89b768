import { parseArgs } from 'node:util'
import { inProcess } from './logs/in-process.ts'
import { overHttp } from './logs/over-http.ts'
import { UsageError } from './options/usage-error.ts'

/**
 * What the log service itself costs, in the process (`service-alone`, `service-writers`, `verify`), and what the whole
 * server costs over HTTP and sockets with clients in processes of their own. `--only a,b` chooses, `--profile FOLDER`
 * leaves a CPU profile of the server there. Appends are committed with synchronous=FULL.
 */
export const run = async (args: string[]): Promise<void> => {
  const options = { only: { type: 'string' }, profile: { type: 'string' } } as const
  const { values } = parseArgs({ args, options })
  const all = { ...inProcess, ...overHttp }
  const chosen = values.only?.split(',') ?? Object.keys(all)
  for (const name of chosen) {
    const measure = all[name]
    if (!measure) throw new UsageError(`Which measure? ${Object.keys(all).join(', ')}`)
    await measure(values.profile)
  }
}
