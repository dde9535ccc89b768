import { describe, expect, test } from 'vitest'
import type { FolderPage, Row, Sort } from '../../workers/account/api.ts'
import { Listing } from './listing.svelte.ts'
import { Selection } from '../../items/selection.svelte.ts'

const rowsOf = (count: number, mark = ''): Row[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `${mark}${i}`,
    kind: 'file',
    name: `File ${i}${mark}`,
    sizeBytes: i,
    modifiedAt: undefined,
    changedAt: i,
    versions: 1,
  }))

const folderOf = (rows: () => Row[], stamp: () => number = () => 1) => {
  const asked: { from: number; count: number; sort: Sort }[] = []
  const read = async (
    _share: string,
    _folder: string | null,
    options: { sort: Sort; from: number; count: number },
  ): Promise<FolderPage> => {
    asked.push(options)
    const all = rows()
    return {
      crumbs: [{ id: 'root', name: 'Papers' }],
      total: all.length,
      stamp: stamp(),
      rows: all.slice(options.from, options.from + options.count),
      confirmedAt: 5,
    }
  }
  return { asked, read }
}

describe('Listing', () => {
  test('shows the first rows before the last have come', async () => {
    const { asked, read } = folderOf(() => rowsOf(12_000))
    const seen: number[] = []
    const listing = new Listing(async (...args) => {
      seen.push(listing.rows.length)
      return read(...args)
    })
    listing.open('share', null)
    await listing.reload()
    expect(listing.rows).toHaveLength(12_000)
    expect(listing.total).toBe(12_000)
    expect(asked.map(({ from }) => from)).toContain(200)
    expect(seen).toContain(200)
    expect(listing.loading).toBe(false)
  })
  test('begins again when the share changes between two pages', async () => {
    let calls = 0
    const { read } = folderOf(
      () => rowsOf(300, calls > 1 ? 'b' : 'a'),
      () => (calls > 1 ? 2 : 1),
    )
    const listing = new Listing((...args) => {
      calls++
      return read(...args)
    })
    listing.share = 'share'
    await listing.reload()
    expect(new Set(listing.rows.map(({ id }) => id.at(0)))).toEqual(new Set(['b']))
    expect(listing.rows).toHaveLength(300)
  })
  test('an answer for a folder that was left is thrown away', async () => {
    const answers: ((page: FolderPage) => void)[] = []
    const listing = new Listing(() => new Promise((resolve) => answers.push(resolve)))
    listing.open('share', 'slow')
    listing.open('share', 'fast')
    const page = (name: string): FolderPage => ({
      crumbs: [{ id: name, name }],
      total: 1,
      stamp: 1,
      rows: rowsOf(1, name),
      confirmedAt: 1,
    })
    answers[1]?.(page('fast'))
    answers[0]?.(page('slow'))
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(listing.crumbs.at(-1)?.name).toBe('fast')
    expect(listing.rows[0]?.id).toBe('fast0')
  })
  test('keeps what is on screen when reading anew fails', async () => {
    let fail = false
    const { read } = folderOf(() => rowsOf(3))
    const listing = new Listing((...args) =>
      fail ? Promise.reject(new Error('no')) : read(...args),
    )
    listing.share = 'share'
    await listing.reload()
    fail = true
    await listing.reload()
    expect(listing.rows).toHaveLength(3)
    expect(listing.error).toBeInstanceOf(Error)
  })
  test('filters by name, whatever the case', async () => {
    const { read } = folderOf(() => rowsOf(30))
    const listing = new Listing(read)
    listing.share = 'share'
    await listing.reload()
    listing.filter = 'file 2'
    expect(listing.shown.map(({ name }) => name)).toContain('File 29')
    expect(listing.lines).toBe(11)
    listing.filter = ''
    expect(listing.lines).toBe(30)
  })
})

describe('Selection', () => {
  const rows = rowsOf(10)
  test('takes one, some, and a range from the last', () => {
    const selection = new Selection()
    selection.only('2')
    selection.range('5', rows)
    expect([...selection.ids]).toEqual(['2', '3', '4', '5'])
    selection.toggle('3')
    expect(selection.has('3')).toBe(false)
    selection.range('1', rows)
    expect([...selection.ids]).toEqual(['1', '2', '3'])
  })
  test('drops what is gone', () => {
    const selection = new Selection()
    selection.all(rows)
    selection.keep(rows.slice(0, 3))
    expect(selection.size).toBe(3)
    selection.clear()
    expect(selection.size).toBe(0)
  })
})
