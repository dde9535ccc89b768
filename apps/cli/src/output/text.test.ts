import { describe, expect, it } from 'vitest'
import { formatTable } from './table.ts'
import { columnsOf, formatBytes, formatDuration, formatTime, printable } from './text.ts'

describe('printable', () => {
  it('takes from a text what would steer a terminal or turn its reading round', () => {
    expect(printable('a\u001b[31mb\r\nc\u0007\u009b2Jd')).toBe(
      'a\ufffd[31mb\ufffd\ufffdc\ufffd\ufffd2Jd',
    )
    expect(printable('gnp.\u202Eexe')).toBe('gnp.\ufffdexe')
    expect(printable('Grüße, 家 👩‍👩‍👧 \ud800')).toBe('Grüße, 家 👩‍👩‍👧 \ufffd')
  })
})

describe('columnsOf', () => {
  it.each([
    ['abc', 3],
    ['ü', 1],
    ['u\u0308', 1],
    ['家族', 4],
    ['📷', 2],
    ['', 0],
  ])('%j takes %i', (text, columns) => {
    expect(columnsOf(text)).toBe(columns)
  })
})

describe('sizes and times', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1536, '1.5 KiB'],
    [1_048_575, '1.0 MiB'],
    [5 * 1024 ** 3, '5.0 GiB'],
    [2 * 1024 ** 6, '2048.0 PiB'],
  ])('%i bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })

  it.each([
    [0, '0 s'],
    [9400, '9 s'],
    [200_000, '3 min 20 s'],
    [180_000, '3 min'],
    [7_500_000, '2 h 5 min'],
    [100 * 3600_000, '4 d 4 h'],
    [-5, '0 s'],
  ])('%i ms are %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })

  it('tells times in the local zone', () => {
    expect(formatTime(new Date(2026, 10, 21, 9, 3).getTime())).toBe('2026-11-21 09:03')
  })
})

describe('formatTable', () => {
  type Row = { name: string; size: number }
  const columns = [
    { title: 'Name', value: (row: Row) => row.name },
    { title: 'Size', value: (row: Row) => String(row.size), align: 'right' as const },
  ]

  it('aligns by columns as they show, and disarms each cell', () => {
    const rows = [
      { name: '家', size: 5 },
      { name: 'b\u001b[2J', size: 1234 },
    ]
    expect(formatTable(columns, rows)).toBe('Name   Size\n家        5\nb\ufffd[2J  1234\n')
  })

  it('is empty for nothing', () => {
    expect(formatTable(columns, [])).toBe('')
  })
})
