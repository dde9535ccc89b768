import fc from 'fast-check'
import { expect, test } from 'vitest'
import { placeBeside } from './place.ts'

const view = { width: 360, height: 740 }
const at = (left: number, top: number) => ({ left, top, right: left + 80, bottom: top + 40 })

test('below and at the edge that was asked for', () => {
  expect(placeBeside(at(100, 100), { width: 200, height: 100 }, view, 'start')).toMatchObject({
    left: 100,
    top: 144,
  })
  expect(placeBeside(at(270, 100), { width: 200, height: 100 }, view, 'end').left).toBe(150)
  expect(placeBeside(at(100, 100), { width: 60, height: 100 }, view, 'centre').left).toBe(110)
})

test('above where there is no room below', () => {
  expect(placeBeside(at(100, 690), { width: 200, height: 300 }, view, 'start').top).toBe(386)
})

test('is always wholly in view where it can be', () => {
  const place = fc.tuple(fc.integer({ min: 0, max: 280 }), fc.integer({ min: 0, max: 700 }))
  const size = fc.record({
    width: fc.integer({ min: 10, max: 340 }),
    height: fc.integer({ min: 10, max: 900 }),
  })
  const sides = fc.constantFrom('start' as const, 'end' as const, 'centre' as const)
  fc.assert(
    fc.property(place, size, sides, ([left, top], wanted, align) => {
      const placed = placeBeside(at(left, top), wanted, view, align)
      const height = Math.min(wanted.height, placed.maxHeight)
      expect(placed.left).toBeGreaterThanOrEqual(8)
      expect(placed.left + wanted.width).toBeLessThanOrEqual(view.width - 8)
      expect(placed.top).toBeGreaterThanOrEqual(8)
      expect(placed.top + height).toBeLessThanOrEqual(view.height - 8)
    }),
  )
})
