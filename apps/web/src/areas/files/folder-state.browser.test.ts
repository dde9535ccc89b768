/** What an open folder knows beside its rows: bands of used room, and rows that are dragged. */
import { expect, test } from 'vitest'
import { bandOf } from './quota-band.svelte.ts'
import { RowDrag } from './row-drag.svelte.ts'

test('the bands of used room begin at 75, 90 and 100 percent', () => {
  const band = (usedBytes: number, quotaBytes: number | null) => bandOf({ usedBytes, quotaBytes })
  expect([0, 749, 750, 899, 900, 999, 1000, 2000].map((used) => band(used, 1000))).toEqual([
    0, 0, 75, 75, 90, 90, 100, 100,
  ])
  expect(band(5, null)).toBe(0)
  expect(band(0, 0)).toBe(100)
})

test('dragged rows fall into folders that are not among them, and into nothing that another page drags', () => {
  const drag = new RowDrag()
  const own = new DataTransfer()
  drag.start(own, ['a', 'folder b'])
  expect(drag.hover(own, 'folder c')).toBe(true)
  expect(drag.over).toBe('folder c')
  expect(drag.hover(own, 'folder b')).toBe(false)
  expect(drag.over).toBe(undefined)
  expect(drag.hover(own, undefined)).toBe(false)
  expect(drag.hover(new DataTransfer(), 'folder c')).toBe(false)
  expect(drag.end()).toEqual(['a', 'folder b'])
  expect(drag.hover(own, 'folder c')).toBe(false)
})
