import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { nodeFileSystem } from './file-system.ts'
import { receiveBody } from './receive-body.ts'

test('fails only when nothing is being written any more: the file is closed then', async () => {
  const { promise: disk, resolve: diskAnswers } = Promise.withResolvers<void>()
  let writing = 0
  const body = new PassThrough()
  const received = receiveBody({
    fs: {
      ...nodeFileSystem,
      writev: async (_file, parts) => {
        writing++
        await disk
        writing--
        return parts.reduce((sum, part) => sum + part.length, 0)
      },
    },
    file: -1,
    body,
    position: 0,
    limitBytes: 600_000,
    tooLong: () => new Error('too long'),
    onBatch: () => undefined,
    onWritten: () => undefined,
  })
  const writingAtFailure = received.then(
    () => undefined,
    () => writing,
  )
  body.write(new Uint8Array(590_000))
  await new Promise(setImmediate)
  expect(writing).toBe(1)
  body.write(new Uint8Array(20_000))
  body.resume()
  await new Promise(setImmediate)
  diskAnswers()
  expect(await writingAtFailure).toBe(0)
  await expect(received).rejects.toThrow('too long')
})
