import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
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

describe('what comes off a connection', () => {
  test.each([
    ['a disk that keeps up', new DiskPace(10_000), false],
    ['a disk that is written to in threads', undefined, false],
    ['somebody else who listens', new DiskPace(10_000), true],
  ])('is written as it was sent: %s', async (_name, pace, isOverheard) => {
    const folder = mkdtempSync(join(tmpdir(), 'hearthold-receive-'))
    const bytes = randomBytes(3_000_000)
    let overheard = 0
    const done = Promise.withResolvers<{ complete: boolean; hash: string }>()
    const server = createServer((req, res) => {
      const file = openSync(join(folder, 'file'), 'wx')
      const hash = createHash('sha256')
      if (isOverheard) req.on('data', (chunk: Buffer) => (overheard += chunk.length))
      receiveBody({
        ...{ fs: nodeFileSystem, file, body: req, position: 0, limitBytes: bytes.length },
        ...(pace && { pace }),
        tooLong: () => new Error('too long'),
        onBatch: (parts) => parts.forEach((part) => hash.update(part)),
        onWritten: () => undefined,
      })
        .then((complete) => done.resolve({ complete, hash: hash.digest('hex') }), done.reject)
        .finally(() => (closeSync(file), res.end()))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const sent = fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: bytes })
    expect(await done.promise).toEqual({
      complete: true,
      hash: createHash('sha256').update(bytes).digest('hex'),
    })
    await (await sent).arrayBuffer()
    expect(readFileSync(join(folder, 'file')).equals(bytes)).toBe(true)
    expect(overheard).toBe(isOverheard ? bytes.length : 0)
    server.close()
    rmSync(folder, { recursive: true })
  })
})
