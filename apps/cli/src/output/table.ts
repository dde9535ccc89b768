import { columnsOf, printable } from './text.ts'

export type Column<Row> = {
  readonly title: string
  readonly value: (row: Row) => string
  /** Numbers and sizes stand right. */
  readonly align?: 'left' | 'right'
}

const pad = (text: string, columns: number, align: 'left' | 'right'): string => {
  const space = ' '.repeat(Math.max(0, columns - columnsOf(text)))
  return align === 'right' ? space + text : text + space
}

/** Rows under titles, two spaces apart, each line without trailing spaces; every cell is made printable. An empty list gives no titles either. */
export const formatTable = <Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string => {
  if (rows.length === 0) return ''
  const cells = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ value }) => printable(value(row)))),
  ]
  const widths = columns.map((_, index) =>
    cells.reduce((most, line) => Math.max(most, columnsOf(line[index] ?? '')), 0),
  )
  return cells
    .map(
      (line) =>
        `${line
          .map((cell, index) => pad(cell, widths[index] ?? 0, columns[index]?.align ?? 'left'))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}
