/** The order of system calls behind each acknowledged upload of the restic protocol, by the real `rest-server` verb. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { idOf, ResticCaller } from '../cli/restic-caller.ts'
import { freePort, newFolder, removeFolder } from './restic-places.ts'
import {
  type Call,
  isNaming,
  isSync,
  isWrite,
  needStrace,
  parseTrace,
  straceFlags,
} from './strace.ts'

const launcher = join(import.meta.dirname, '../../bin/hearthold')
const folder = newFolder()
let calls: Call[] = []

const bytesOf = (sizeBytes: number): Uint8Array<ArrayBuffer> =>
  new Uint8Array(randomBytes(sizeBytes))

/** What is uploaded, in this order, one after the other. */
const uploads = (
  [
    ['config', 200],
    ['keys', 400],
    ['data', 4096],
    ['data', 5_000_000],
    ['index', 100_000],
    ['snapshots', 300],
  ] as const
).map(([type, sizeBytes]) => {
  const bytes = bytesOf(sizeBytes)
  const id = idOf(bytes)
  const name = type === 'config' ? type : id
  const within = type === 'config' ? '' : type === 'data' ? `/data/${id.slice(0, 2)}` : `/${type}`
  return { type, name, within, bytes, what: `${type} of ${sizeBytes} bytes` }
})

const uploadAll = async (port: number): Promise<void> => {
  const caller = new ResticCaller(`rest:http://127.0.0.1:${port}/house/`)
  expect(await caller.status('POST', '?create=true')).toBe(200)
  for (const { type, name, bytes } of uploads) {
    const path = type === 'config' ? type : `${type}/${name}`
    expect(await caller.status('POST', path, bytes)).toBe(200)
  }
}

const started = async (child: ChildProcess, port: number): Promise<void> => {
  for (let waited = 0; waited < 30_000 && child.exitCode === null; waited += 50) {
    const answer = await fetch(`http://127.0.0.1:${port}/house/config`).catch(() => undefined)
    if (answer) return
    await delay(50)
  }
  throw new Error('rest-server did not start under strace')
}

beforeAll(async () => {
  needStrace()
  const trace = join(folder, 'trace')
  const served = join(folder, 'served')
  mkdirSync(served)
  const port = await freePort()
  const traced = ['fsync', 'fdatasync', 'rename', 'renameat', 'renameat2', 'link', 'linkat']
  const writes = ['write', 'pwrite64', 'pwritev', 'pwritev2', 'writev', 'sendto', 'sendmsg']
  const server = [launcher, 'rest-server', '--path', served, '--no-auth']
  const command = [process.execPath, ...server, '--listen', `127.0.0.1:${port}`]
  const flags = straceFlags([...traced, ...writes], trace)
  const child = spawn('strace', [...flags, ...command], { stdio: 'ignore', detached: true })
  const gone = new Promise((done) => child.once('close', done))
  try {
    await started(child, port)
    await uploadAll(port)
  } finally {
    // strace passes nothing on: its whole group is asked to end.
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
    await gone
  }
  calls = parseTrace(readFileSync(trace, 'utf8'))
})
afterAll(() => removeFolder(folder))

/** An answer that acknowledges, written to a connection. */
const isAnswer = ({ name, about }: Call): boolean =>
  /write|send/.test(name) && about.includes('<socket:') && about.includes('"HTTP/1.1 200 ')

describe('system calls of an upload', () => {
  test('each was answered once, after the repository itself', () => {
    expect(calls.filter(isAnswer)).toHaveLength(1 + uploads.length)
  })

  test.each(uploads.map((upload, at) => ({ ...upload, at })))(
    '$what: write, fsync, its name, fsync of the folder, answer',
    ({ name, within, at }) => {
      const part = ({ about }: Call): boolean => about.includes(`${name}.rest-server-temp`)
      const inFolder = `/served/house${within}>`
      // The answer to the repository's making came first.
      const answer = calls.flatMap((call, index) => (isAnswer(call) ? [index] : []))[at + 1] ?? -1
      const before = calls.slice(0, answer)
      const naming = before.findIndex((call) => isNaming(call) && part(call))
      const order = [
        before.findLastIndex((call) => isWrite(call) && part(call)),
        before.findIndex((call) => isSync(call) && part(call)),
        naming,
        before.findIndex(
          (call, index) => index > naming && isSync(call) && call.about.includes(inFolder),
        ),
        answer,
      ]
      expect(order).not.toContain(-1)
      expect(order).toEqual(order.toSorted((one, other) => one - other))
    },
  )

  test('the folders are on the disk before the repository is acknowledged', () => {
    const made = calls.slice(0, calls.findIndex(isAnswer))
    const synced = made.filter(isSync).map(({ about }) => about)
    for (const name of ['/served>', '/served/house>', '/served/house/data>'])
      expect([name, synced.some((about) => about.includes(name))]).toEqual([name, true])
  })
})
