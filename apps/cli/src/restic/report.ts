import type { Client } from '@hearthold/client'
import { addReport, type Repository, type ReportKind } from '@hearthold/contract'
import { CliError } from '../cli-error.ts'
import { wholeNumber } from '../input/numbers.ts'
import { reportOf } from '../output/errors.ts'
import { writeTo, type Terminal } from '../terminal.ts'

/** How a maintenance or drill ended, besides whether it did well. */
export type ReportedCounts = { readonly files?: number; readonly bytes?: number }

/** `--every`: hours until the next is expected; null for `never`. Throws a usage error. */
export const expectedHours = (text: string | undefined, fallback: number): number | null =>
  text === 'never' ? null : wholeNumber('--every', text, { min: 1, max: 24 * 366, fallback })

type Reported<T> = { readonly result: T; readonly ok: boolean; readonly counts: ReportedCounts }

/**
 * Runs `work` and tells the server how it ended, also where it threw. A report that does not get through is a failure of
 * its own: an alarm would be raised for a drill that went well.
 */
export const reporting = async <T>(
  to: { readonly client: Client; readonly record: Repository; readonly terminal: Terminal },
  kind: ReportKind,
  expectedEveryHours: number | null,
  work: () => Promise<Reported<T>>,
): Promise<T> => {
  const { client, record, terminal } = to
  const startedAt = terminal.now()
  const params = { repository: record.repository }
  const tell = (ok: boolean, counts: ReportedCounts) => {
    const body = { kind, ok, startedAt, expectedEveryHours, ...counts }
    return client.call(addReport, { params, body })
  }
  let done: Reported<T>
  try {
    done = await work()
  } catch (error) {
    // Whoever interrupts it knows.
    if (terminal.signal.aborted) throw error
    await tell(false, {}).catch(async (second: unknown) => {
      const { message } = reportOf(second)
      await writeTo(terminal.stderr, `The server could not be told: ${message}\n`)
    })
    throw error
  }
  try {
    await tell(done.ok, done.counts)
  } catch (error) {
    const { message } = reportOf(error)
    throw new CliError(
      'network',
      `It is done, but the server could not be told: ${message}`,
      undefined,
      {
        cause: error,
      },
    )
  }
  return done.result
}
