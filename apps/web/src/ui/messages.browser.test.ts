import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { answer, confirm, questions } from './confirm-queue.svelte.ts'
import { dismissToast, holdToasts, toast, toasts } from './toasts.svelte.ts'

const texts = (): string[] => toasts.shown.map((one) => one.text)

describe('toasts', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => {
    holdToasts(false)
    for (const one of toasts.shown) dismissToast(one.id)
    vi.useRealTimers()
  })

  test('leave by themselves, later with an undo, and never when something went wrong', () => {
    toast({ text: 'Renamed' })
    toast({ text: 'Moved to trash', action: { label: 'Undo', run: () => undefined } })
    toast({ kind: 'bad', text: 'Not renamed' })
    expect(texts()).toEqual(['Renamed', 'Moved to trash', 'Not renamed'])
    vi.advanceTimersByTime(5_000)
    expect(texts()).toEqual(['Moved to trash', 'Not renamed'])
    vi.advanceTimersByTime(7_000)
    expect(texts()).toEqual(['Not renamed'])
    vi.advanceTimersByTime(3_600_000)
    expect(texts()).toEqual(['Not renamed'])
  })

  test('the same text appears once and begins anew; three at most, the newest', () => {
    toast({ text: 'a' })
    vi.advanceTimersByTime(4_000)
    toast({ text: 'a' })
    vi.advanceTimersByTime(4_000)
    expect(texts()).toEqual(['a'])
    for (const text of ['b', 'c', 'd']) toast({ text })
    expect(texts()).toEqual(['b', 'c', 'd'])
  })

  test('stay while they are held, and can be taken away', () => {
    toast({ text: 'a' })
    const remove = toast({ text: 'b' })
    holdToasts(true)
    vi.advanceTimersByTime(60_000)
    expect(texts()).toEqual(['a', 'b'])
    remove()
    expect(texts()).toEqual(['a'])
    holdToasts(false)
    vi.advanceTimersByTime(5_000)
    expect(texts()).toEqual([])
  })
})

test('questions are asked one after the other, each with its own answer', async () => {
  const first = confirm({ title: 'Erase?', text: '', act: 'Erase' })
  const second = confirm({ title: 'Leave?', text: '', act: 'Leave' })
  expect(questions.now?.title).toBe('Erase?')
  answer(true)
  expect(questions.now?.title).toBe('Leave?')
  answer(false)
  expect(questions.now).toBeUndefined()
  expect(await Promise.all([first, second])).toEqual([true, false])
})
