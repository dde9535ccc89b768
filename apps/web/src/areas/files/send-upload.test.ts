import { describe, expect, test } from 'vitest'
import type { UploadItem } from '../../workers/account/api.ts'
import { itemsOfInput, titleOf } from './dropped.ts'
import { whyNotName, endingStart } from './names.ts'
import { sendUpload } from './send-upload.ts'

const recorder = () => {
  const calls: string[] = []
  return {
    calls,
    feed: {
      beginUpload: async (share: string, folder: string, title: string) => {
        calls.push(`begin ${share} ${folder} ${title}`)
        return 't1'
      },
      addItems: async (transfer: string, items: readonly UploadItem[]) => {
        calls.push(`add ${transfer} ${items.length}`)
      },
      endItems: async (transfer: string) => {
        calls.push(`end ${transfer}`)
      },
    },
  }
}
async function* folderOf(count: number): AsyncGenerator<UploadItem> {
  for (let i = 0; i < count; i++)
    yield { kind: 'file', path: `Photos/${i}.jpg`, file: new File(['x'], `${i}.jpg`) }
}

describe('sendUpload', () => {
  test('hands ten thousand files over in portions, and ends', async () => {
    const { feed, calls } = recorder()
    expect(await sendUpload(feed, { share: 's', folder: 'f' }, folderOf(10_000))).toBe('t1')
    expect(calls[0]).toBe('begin s f Photos')
    expect(calls.filter((call) => call === 'add t1 200')).toHaveLength(50)
    expect(calls.at(-1)).toBe('end t1')
  })
  test('begins nothing for nothing', async () => {
    const { feed, calls } = recorder()
    expect(await sendUpload(feed, { share: 's', folder: 'f' }, folderOf(0))).toBeUndefined()
    expect(calls).toEqual([])
  })
  test('what the worker refuses ends it', async () => {
    const { feed } = recorder()
    const refused = { ...feed, addItems: () => Promise.reject(new Error('over quota')) }
    await expect(sendUpload(refused, { share: 's', folder: 'f' }, folderOf(3))).rejects.toThrow(
      'over quota',
    )
  })
})

describe('itemsOfInput', () => {
  test('keeps the paths of a chosen folder, and names without one', async () => {
    const inFolder = new File(['a'], 'a.txt')
    Object.defineProperty(inFolder, 'webkitRelativePath', { value: 'Tax/2025/a.txt' })
    const alone = new File(['b'], 'b.txt')
    Object.defineProperty(alone, 'webkitRelativePath', { value: '' })
    const items = await Array.fromAsync(itemsOfInput([inFolder, alone]))
    expect(items.map(({ path }) => path)).toEqual(['Tax/2025/a.txt', 'b.txt'])
    expect(items.map(titleOf)).toEqual(['Tax', 'b.txt'])
  })
})

describe('whyNotName', () => {
  test.each(['Tax 2025', 'ä', '…', ' leading', 'a'.repeat(1024), '<b>', '\u202egpj.exe', '文件'])(
    'lets %s through',
    (name) => expect(whyNotName(name)).toBeUndefined(),
  )
  test.each(['', '  ', 'a/b', '.', '..', 'a\u0000', 'a\nb', '\u007f', 'ä'.repeat(513)])(
    'says why %j is none',
    (name) => expect(whyNotName(name)).toMatch(/name/),
  )
})

test('endingStart leaves the ending of a file alone', () => {
  expect(endingStart('plan.svg')).toBe(4)
  expect(endingStart('archive.tar.gz')).toBe(11)
  expect(endingStart('.gitignore')).toBe(10)
  expect(endingStart('README')).toBe(6)
})
