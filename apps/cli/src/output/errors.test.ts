import { readFileSync } from 'node:fs'
import { NetworkError, SourceLengthError, UnknownProblemError } from '@hearthold/client'
import { problemStatus, ProblemError, type ProblemCode } from '@hearthold/contract'
import { describe, expect, it } from 'vitest'
import { CliError } from '../cli-error.ts'
import { formatReport, reportOf } from './errors.ts'
import { problemTable } from './problem-table.ts'

const caught = (work: () => unknown): unknown => {
  try {
    return work()
  } catch (error) {
    return error
  }
}

describe('the table of problems', () => {
  const rows = Object.entries(problemTable) as [ProblemCode, (typeof problemTable)[ProblemCode]][]

  it('has a row for each code, in whole sentences', () => {
    expect(rows.map(([code]) => code).toSorted()).toEqual(Object.keys(problemStatus).toSorted())
    for (const [, { message, advice }] of rows)
      expect(
        [message, advice ?? '.'].every((text) => /[.\w]$/.test(text) && !text.includes('\n')),
      ).toBe(true)
  })

  it('gives the exit codes that scripts rely on', () => {
    const exits = Object.fromEntries(rows.map(([code, { exit }]) => [code, exit]))
    expect(exits).toMatchObject({
      unauthenticated: 'notSignedIn',
      sign_in_failed: 'notSignedIn',
      not_found: 'notFound',
      head_moved: 'conflict',
      name_taken: 'conflict',
      over_quota: 'failure',
      unavailable: 'network',
    })
  })
})

describe('reportOf', () => {
  it("prefers the server's own words, disarmed, and adds how long to wait", () => {
    const error = new ProblemError('locked_out', 'Too many\u001b[2J tries.', {
      retryAfterSeconds: 90,
    })
    expect(reportOf(error)).toEqual({
      code: 'locked_out',
      message: 'Too many\ufffd[2J tries.',
      advice:
        'Another way in is not affected: a recovery key or another device. Try again in 1 min 30 s.',
      exitCode: 3,
    })
  })

  it("names the line of the server's log for its failures", () => {
    expect(
      reportOf(new UnknownProblemError(500, 'Failed.', { extra: { requestId: 'r-7' } })).advice,
    ).toContain('r-7')
  })

  it.each([
    [new NetworkError('pin', 'x'), 6, 'pin'],
    [new CliError('conflict', 'x', 'y'), 5, 'conflict'],
    [new CliError('usage', 'x'), 2, 'usage'],
    [new SourceLengthError(), 1, 'failure'],
    [new DOMException('x', 'AbortError'), 130, 'interrupted'],
    [
      Object.assign(new Error('x'), { name: 'IntegrityError', code: 'chain_broken' }),
      1,
      'chain_broken',
    ],
    ['a string', 1, 'failure'],
    [caught(() => readFileSync('/nowhere/at/all')), 4, 'failure'],
  ])('%s', (error, exitCode, code) => {
    expect(reportOf(error)).toMatchObject({ exitCode, code })
  })

  it('says what happened first, and then what to do', () => {
    expect(formatReport(reportOf(new CliError('usage', 'First.', 'Second.')))).toBe(
      'First.\nSecond.\n',
    )
    expect(formatReport(reportOf(new CliError('usage', 'Alone.')))).toBe('Alone.\n')
  })
})
