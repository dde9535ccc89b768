import { flushSync } from 'svelte'
import { afterEach, describe, expect, test } from 'vitest'
import { userEvent } from 'vitest/browser'
import { cleanup, render } from 'vitest-browser-svelte'
import RowsFixture from './fixtures/rows-fixture.svelte'
import './tokens.css'

afterEach(() => cleanup())

const many = 100_000
const grid = (): HTMLElement => document.querySelector<HTMLElement>('[role="grid"]')!
const rows = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>('[data-row]')]
const rowAt = (index: number): HTMLElement => {
  const row = rows()[index]
  if (row === undefined) throw new Error(`no row ${index} is drawn`)
  return row
}
const focused = (): number => Number((document.activeElement as HTMLElement).dataset['row'])
const frame = (): Promise<number> => new Promise((resolve) => requestAnimationFrame(resolve))

/** Scrolls from end to end, 120 steps; the most elements that the rows of any frame took. What frames cost is measured by the bench. */
const mostDrawn = async (): Promise<number> => {
  const element = grid()
  let most = 0
  for (let at = 0; at <= 120; at++) {
    element.scrollTop = (at / 120) * (element.scrollHeight - element.clientHeight)
    await frame()
    most = Math.max(most, element.querySelectorAll('[data-row], [data-row] *').length)
  }
  await frame()
  return most
}

describe('a list of 100,000 rows', () => {
  test('draws what is seen and tells its whole length', async () => {
    await render(RowsFixture, { total: many })
    await frame()
    expect(rows().length).toBeGreaterThan(8)
    expect(rows().length).toBeLessThan(40)
    expect(grid().getAttribute('aria-rowcount')).toBe(String(many + 1))
    expect(rows()[0]?.getAttribute('aria-rowindex')).toBe('2')
    expect(grid().scrollHeight).toBeGreaterThan(many * 44)
  })

  test('shows the rows of where it was scrolled to, at the place where they belong', async () => {
    await render(RowsFixture, { total: many })
    await frame()
    grid().scrollTop = 50_000 * 44
    await frame()
    await frame()
    const row = document.querySelector<HTMLElement>('[data-row="50002"]')!
    expect(row.textContent).toContain('Row 50002')
    const top = row.getBoundingClientRect().top - grid().getBoundingClientRect().top
    expect(Math.round(top)).toBe(36 + 2 * 44)
  })

  test('draws as little in the middle and at the end as at the beginning', async () => {
    await render(RowsFixture, { total: many })
    await frame()
    const first = document.querySelectorAll('[data-row], [data-row] *').length
    // Spare rows above as well as below, and the active one.
    expect(await mostDrawn()).toBeLessThan(first * 2)
    expect(document.querySelector(`[data-row="${many - 1}"]`)).not.toBeNull()
    expect(document.querySelector('[data-row="50000"]')).toBeNull()
  })

  test('arrows, Page Down, End and Home move the focus, and the focused row is in view', async () => {
    await render(RowsFixture, { total: many })
    await frame()
    rowAt(0).focus()
    await userEvent.keyboard('{ArrowDown}{ArrowDown}')
    expect(focused()).toBe(2)
    await userEvent.keyboard('{PageDown}')
    expect(focused()).toBeGreaterThan(5)
    await userEvent.keyboard('{End}')
    expect(focused()).toBe(many - 1)
    const box = document.activeElement!.getBoundingClientRect()
    expect(box.bottom).toBeLessThanOrEqual(grid().getBoundingClientRect().bottom + 1)
    await userEvent.keyboard('{Home}')
    expect(focused()).toBe(0)
    expect(document.activeElement!.getBoundingClientRect().top).toBeGreaterThanOrEqual(
      grid().getBoundingClientRect().top + 35,
    )
  })

  test('the focus stays where it is while the list is scrolled away from it', async () => {
    await render(RowsFixture, { total: many })
    await frame()
    rowAt(3).focus()
    grid().scrollTop = 2_000_000
    await frame()
    await frame()
    expect(focused()).toBe(3)
    await userEvent.keyboard('{ArrowDown}')
    expect(focused()).toBe(4)
    expect(grid().scrollTop).toBeLessThan(500)
  })

  test('Space selects, Shift and an arrow select a range, Ctrl+A all, Escape none, Enter opens', async () => {
    const calls: string[] = []
    await render(RowsFixture, {
      total: many,
      onselect: (index: number, how: string) => calls.push(`${how} ${index}`),
      onactivate: (index: number) => calls.push(`open ${index}`),
    })
    await frame()
    rowAt(0).focus()
    await userEvent.keyboard(
      ' {ArrowDown}{Shift>}{ArrowDown}{/Shift}{Control>}a{/Control}{Escape}{Enter}',
    )
    expect(calls).toEqual(['toggle 0', 'range 2', 'all 2', 'none 2', 'open 2'])
  })

  test('a press selects, Ctrl and Shift as usual, twice opens; a button in the row keeps its own press', async () => {
    const calls: string[] = []
    await render(RowsFixture, {
      total: many,
      onselect: (index: number, how: string) => calls.push(`${how} ${index}`),
      onactivate: (index: number) => calls.push(`open ${index}`),
      onpress: (index: number) => calls.push(`button ${index}`),
    })
    await frame()
    const press = (at: number, init: MouseEventInit = {}): void => {
      rowAt(at).dispatchEvent(new MouseEvent('click', { bubbles: true, ...init }))
    }
    press(1)
    press(3, { shiftKey: true })
    press(5, { ctrlKey: true })
    rowAt(2).dispatchEvent(new MouseEvent('dblclick', { bubbles: true }))
    rowAt(4).querySelector('button')!.click()
    expect(calls).toEqual(['only 1', 'range 3', 'toggle 5', 'open 2', 'button 4'])
  })

  test('the right arrow goes into the row, the left one back; Tab goes on from the active row alone', async () => {
    await render(RowsFixture, { total: many })
    await frame()
    rowAt(0).focus()
    await userEvent.keyboard('{ArrowDown}{ArrowRight}')
    expect(document.activeElement?.textContent).toBe('Act 1')
    await userEvent.keyboard('{ArrowLeft}')
    expect(focused()).toBe(1)
    await userEvent.keyboard('{Tab}')
    expect(document.activeElement?.textContent).toBe('Act 1')
    await userEvent.keyboard('{Tab}')
    expect(document.activeElement?.id).toBe('after')
  })

  test('a list that becomes shorter keeps an active row within it', async () => {
    const view = await render(RowsFixture, { total: many })
    await frame()
    rowAt(0).focus()
    await userEvent.keyboard('{End}')
    await view.rerender({ total: 5 })
    flushSync()
    expect(rows().map((row) => row.dataset['row'])).toEqual(['0', '1', '2', '3', '4'])
    expect(rows().filter((row) => row.tabIndex === 0).length).toBe(1)
    expect(focused()).toBe(4)
    await view.rerender({ total: 0 })
    flushSync()
    expect(rows()).toEqual([])
  })
})

test('a list beyond the tallest element that browsers can do reaches its last row', async () => {
  await render(RowsFixture, { total: 2_000_000 })
  await frame()
  rowAt(0).focus()
  await userEvent.keyboard('{End}')
  await frame()
  expect(focused()).toBe(1_999_999)
  const box = document.activeElement!.getBoundingClientRect()
  const view = grid().getBoundingClientRect()
  expect(box.bottom).toBeLessThanOrEqual(view.bottom + 1)
  expect(box.top).toBeGreaterThan(view.top)
})
