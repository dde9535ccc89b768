import { createHash, randomBytes } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { DiskPace } from './disk-pace.ts'
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

test('writes small pieces together, those of each body in their own order', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hearthold-receive-'))
  let writes = 0
  const fs = {
    ...nodeFileSystem,
    writeSync: (...call: Parameters<typeof nodeFileSystem.writeSync>): number => {
      writes++
      return nodeFileSystem.writeSync(...call)
    },
  }
  const bodies = [16_384, 5_000, 70_000].map((pieceBytes, index) => {
    const bytes = randomBytes(300_000)
    const path = join(folder, String(index))
    const file = openSync(path, 'wx')
    const body = new PassThrough()
    const hash = createHash('sha256')
    const received = receiveBody({
      ...{ fs, file, body, position: 0, limitBytes: bytes.length, pace: new DiskPace(10_000) },
      batchBytes: () => 64 * 1024,
      tooLong: () => new Error('too long'),
      onBatch: (parts) => parts.forEach((part) => hash.update(part)),
      onWritten: () => undefined,
    })
    const sent = Buffer.from(bytes)
    return { bytes, sent, path, file, body, hash, received, pieceBytes }
  })
  for (let turn = 0; turn < 60; turn++) {
    for (const { sent, body, pieceBytes } of bodies)
      body.write(sent.subarray(turn * pieceBytes, (turn + 1) * pieceBytes))
    await new Promise(setImmediate)
  }
  for (const { body, received, bytes, sent, path, file, hash } of bodies) {
    body.end()
    expect(await received).toBe(true)
    expect(readFileSync(path).equals(bytes)).toBe(true)
    expect(hash.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'))
    // What another source than a connection sent stays its own.
    expect(sent.equals(bytes)).toBe(true)
    closeSync(file)
  }
  expect(writes).toBeLessThanOrEqual(16)
  rmSync(folder, { recursive: true })
})
