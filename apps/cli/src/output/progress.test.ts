import { describe, expect, it } from 'vitest'
import { fakeTerminal } from '../../test/fake-terminal.ts'
import { coloursFor } from './colours.ts'
import { createProgress, progressLine, speedOf } from './progress.ts'

const mib = 1024 * 1024

describe('progress', () => {
  it('says bytes, share, speed and time left, and the end of a long path', () => {
    expect(progressLine({ doneBytes: 5 * mib, totalBytes: 20 * mib }, mib, 80)).toBe(
      '5.0 MiB of 20.0 MiB · 25 % · 1.0 MiB/s · 15 s left',
    )
    expect(progressLine({ doneBytes: 5 }, undefined, 80)).toBe('5 B')
    expect(progressLine({ doneBytes: 0, totalBytes: 0 }, 0, 80)).toBe('0 B of 0 B · 100 % · 0 B/s')
    expect(
      progressLine({ doneBytes: 1, label: 'a/very/long/path/to/file\u001b.txt' }, undefined, 24),
    ).toBe('1 B   …ath/to/file\ufffd.txt')
  })

  it('measures speed over the last seconds', () => {
    expect(speedOf([{ at: 0, doneBytes: 0 }])).toBeUndefined()
    expect(
      speedOf([
        { at: 0, doneBytes: 0 },
        { at: 2000, doneBytes: 10 },
      ]),
    ).toBe(5)
  })

  it('draws on a terminal at most ten times a second, survives going back, and leaves no trace', () => {
    const terminal = fakeTerminal({}, true)
    const progress = createProgress(terminal, false)
    for (let index = 0; index < 100; index++) {
      progress.update({ doneBytes: index === 50 ? 0 : index * mib, totalBytes: 100 * mib })
      terminal.pass(20)
    }
    expect(terminal.err().split('\r').length - 1).toBe(20)
    expect(terminal.err()).not.toContain('-')
    progress.note('could not read x')
    progress.end()
    progress.end()
    const [, below = ''] = terminal.err().split('could not read x\n')
    expect(below.split('\r')).toEqual([expect.stringContaining('MiB of 100.0 MiB'), '\u001b[2K'])
    expect(terminal.out()).toBe('')
  })

  it('is silent elsewhere, but for notes', () => {
    for (const [interactive, quiet] of [
      [false, false],
      [true, true],
    ] as const) {
      const terminal = fakeTerminal({}, interactive)
      const progress = createProgress(terminal, quiet)
      progress.update({ doneBytes: 1 })
      progress.note('could not read x')
      progress.end()
      expect(terminal.err()).toBe('could not read x\n')
    }
  })
})

describe('colours', () => {
  it('show only on a terminal that wants them', () => {
    const on = fakeTerminal({}, true)
    expect(coloursFor(on.stderr, on).bad('x')).toBe('\u001b[31mx\u001b[39m')
    for (const terminal of [
      fakeTerminal(),
      fakeTerminal({ NO_COLOR: '1' }, true),
      fakeTerminal({ TERM: 'dumb' }, true),
    ]) {
      expect(coloursFor(terminal.stderr, terminal).bad('x')).toBe('x')
    }
  })
})
