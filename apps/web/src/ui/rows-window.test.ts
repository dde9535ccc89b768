import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { barForRow, listOffset, mostPixels, rowsWindow, scrolledHeight } from './rows-window.ts'

const shapes = fc.record({
  total: fc.integer({ min: 1, max: 3_000_000 }),
  rowHeight: fc.integer({ min: 20, max: 80 }),
  view: fc.integer({ min: 100, max: 2000 }),
})

describe('rowsWindow', () => {
  test('draws the rows in view with some to spare', () => {
    const shape = { total: 100_000, rowHeight: 44, view: 440 }
    expect(rowsWindow(shape, 0, 6)).toEqual({ first: 0, last: 16, shift: 0 })
    expect(rowsWindow(shape, 4400, 6)).toEqual({ first: 94, last: 116, shift: 0 })
    expect(rowsWindow(shape, 4_399_560, 6)).toEqual({ first: 99_984, last: 100_000, shift: 0 })
  })
  test('takes a bar beyond the end for the end, and an empty list for nothing', () => {
    expect(rowsWindow({ total: 5, rowHeight: 44, view: 440 }, 9999, 6)).toMatchObject({
      first: 0,
      last: 5,
    })
    expect(rowsWindow({ total: 0, rowHeight: 44, view: 440 }, 0, 6)).toMatchObject({
      first: 0,
      last: 0,
    })
  })
  test('never has an element higher than browsers can do, and still reaches both ends', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const height = scrolledHeight(shape)
        expect(height).toBeLessThanOrEqual(mostPixels)
        expect(listOffset(shape, 0)).toBe(0)
        const end = Math.max(0, height - shape.view)
        const shown = rowsWindow(shape, end, 0)
        expect(shown.last).toBe(shape.total)
        // What is drawn lies within the element.
        expect((shape.total - 1) * shape.rowHeight + shown.shift).toBeLessThan(height)
      }),
    )
  })
})

test('barForRow brings a row wholly into view and leaves one that is', () => {
  fc.assert(
    fc.property(shapes, fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (shape, at, part) => {
      const index = at % shape.total
      const start = part * Math.max(0, scrolledHeight(shape) - shape.view)
      const bar = barForRow(shape, start, index) ?? start
      const offset = listOffset(shape, bar)
      const top = index * shape.rowHeight - offset
      expect(top).toBeGreaterThan(-1)
      expect(top + shape.rowHeight).toBeLessThan(shape.view + 1)
      expect(barForRow(shape, bar, index) ?? bar).toBeCloseTo(bar, 0)
    }),
  )
})
