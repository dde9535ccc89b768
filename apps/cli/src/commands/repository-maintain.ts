import type { Repository } from '@hearthold/contract'
import { CliError, exitCodes } from '../cli-error.ts'
import { wholeNumber } from '../input/numbers.ts'
import { repositoryArgument } from './repository-options.ts'
import {
  findResticAddress,
  openOptions,
  repositoryPassword,
  withRecord,
} from '../restic/open-repository.ts'
import { expectedHours, reporting } from '../restic/report.ts'
import { runRestic } from '../restic/run-restic.ts'
import type { Call } from './verb.ts'
import { defineVerb } from './verb.ts'

const keepOptions = [
  {
    name: 'keep-last',
    value: 'N',
    summary: 'Keep the newest N snapshots',
    env: 'HEARTHOLD_KEEP_LAST',
  },
  {
    name: 'keep-daily',
    value: 'N',
    summary: 'Keep the newest of N days; 7 if absent',
    env: 'HEARTHOLD_KEEP_DAILY',
  },
  {
    name: 'keep-weekly',
    value: 'N',
    summary: 'Keep the newest of N weeks; 4 if absent',
    env: 'HEARTHOLD_KEEP_WEEKLY',
  },
  {
    name: 'keep-monthly',
    value: 'N',
    summary: 'Keep the newest of N months; 12 if absent',
    env: 'HEARTHOLD_KEEP_MONTHLY',
  },
  {
    name: 'keep-yearly',
    value: 'N',
    summary: 'Keep the newest of N years; 3 if absent',
    env: 'HEARTHOLD_KEEP_YEARLY',
  },
] as const

const options = [
  ...openOptions,
  ...keepOptions,
  {
    name: 'restic',
    value: 'PATH',
    summary: 'The restic program; the one that is installed if absent',
    env: 'HEARTHOLD_RESTIC',
    completes: 'file',
  },
  {
    name: 'every',
    value: 'HOURS',
    summary: 'When the server expects the next one; 168 if absent, or never',
    env: 'HEARTHOLD_EVERY',
  },
] as const

type MaintainCall = Call<readonly [], typeof options>

const defaults = { daily: 7, weekly: 4, monthly: 12, yearly: 3 }

/** restic's words for what is kept. Throws a usage error; with all at 0 everything would go. */
const keepWords = (given: MaintainCall['options']): string[] => {
  const last = wholeNumber('--keep-last', given['keep-last'], { min: 1, max: 100_000, fallback: 0 })
  const kept = (['daily', 'weekly', 'monthly', 'yearly'] as const).map((period) => {
    const limits = { min: 0, max: 100_000, fallback: defaults[period] }
    return [period, wholeNumber(`--keep-${period}`, given[`keep-${period}`], limits)] as const
  })
  if (last === 0 && kept.every(([, count]) => count === 0))
    throw new CliError(
      'usage',
      'That would keep no snapshot at all.',
      'Keep something by --keep-*.',
    )
  return [
    ...(last > 0 ? ['--keep-last', String(last)] : []),
    ...kept.flatMap(([period, count]) => (count > 0 ? [`--keep-${period}`, String(count)] : [])),
  ]
}

/** The file that names the repository must name this one: a report on another would hide that nothing was done. */
const checkAddress = async (call: MaintainCall, record: Repository): Promise<string[]> => {
  const address = await findResticAddress(call)
  if (!address) {
    throw new CliError(
      'usage',
      'The file with the repository address is missing.',
      'hearthold repository credential create --scope maintain --out FILE makes one; give it by --repository-file.',
    )
  }
  if (address.path !== record.path)
    throw new CliError('usage', 'The repository file is for another repository than the one named.')
  const file = call.options['repository-file']
  if (file === '-')
    throw new CliError('usage', 'restic reads the repository file itself, so it cannot be "-".')
  return file === undefined ? [] : ['--repository-file', file]
}

export const repositoryMaintainVerb = defineVerb({
  example: 'hearthold repository maintain laptop --repository-file maintain.url',
  arguments: [repositoryArgument],
  options,
  run: async (call) => {
    const keep = keepWords(call.options)
    const hours = expectedHours(call.options.every, 168)
    const { terminal } = call
    return withRecord(call, call.arguments.repository, async (client, record) => {
      const repositoryWords = await checkAddress(call, record)
      const authority = call.options['ca-file']
      const words = [
        ...repositoryWords,
        ...(authority === undefined ? [] : ['--cacert', authority]),
        ...['forget', '--prune', ...keep],
      ]
      const program = call.options.restic ?? 'restic'
      const show = !call.quiet && !call.json
      const env = { ...terminal.env }
      // The password comes by standard input alone, whatever else restic's environment says.
      for (const name of ['RESTIC_PASSWORD', 'RESTIC_PASSWORD_FILE', 'RESTIC_PASSWORD_COMMAND'])
        delete env[name]
      const code = await reporting({ client, record, terminal }, 'maintain', hours, async () => {
        const input = await repositoryPassword(call)
        const result = await runRestic({ ...terminal, env }, { program, words, input, show })
        terminal.signal.throwIfAborted()
        return { result, ok: result === 0, counts: {} }
      })
      const data = { repository: record.repository, ok: code === 0, resticExitCode: code }
      if (code === 0) return { data, text: `Maintained ${record.name}; the server was told.\n` }
      const text = `restic failed (exit code ${code}); the server was told.\n`
      return { data, text, exitCode: exitCodes.failure }
    })
  },
})
