import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Call,
  isNaming,
  isSync,
  isWrite,
  needStrace,
  parseTrace,
  straceFlags,
} from './strace.ts'

const folder = mkdtempSync(join(tmpdir(), 'hearthold-strace-'))
let calls: Call[] = []

beforeAll(() => {
  const trace = join(folder, 'trace')
  needStrace()
  const traced = ['fsync', 'fdatasync', 'rename', 'renameat', 'renameat2']
  const writes = ['write', 'pwrite64', 'pwritev', 'writev']
  const script = join(import.meta.dirname, 'store-objects.ts')
  const flags = straceFlags([...traced, ...writes], trace)
  const command = [...flags, process.execPath, script, join(folder, 'objects')]
  execFileSync('strace', command, { stdio: ['ignore', 'ignore', 'inherit'] })
  calls = parseTrace(readFileSync(trace, 'utf8'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('system calls of the object store', () => {
  test.each([
    ['an upload', '1', 'answered: upload'],
    ['the first of two small objects', '2', 'answered: small'],
    ['the second of two small objects', '3', 'answered: small'],
  ])('for %s: write, fsync, rename, fsync of the folder, answer', (_what, digit, said) => {
    const id = digit.repeat(32)
    const inFolder = `/objects/${digit.repeat(2)}>`
    const part = ({ about }: Call): boolean => about.includes(`${id}.`) && about.includes('.part')
    const order = [
      calls.findLastIndex((call) => isWrite(call) && part(call)),
      calls.findIndex((call) => isSync(call) && part(call)),
      calls.findIndex((call) => isNaming(call) && part(call)),
      calls.findLastIndex((call) => isSync(call) && call.about.includes(inFolder)),
      calls.findIndex(({ name, about }) => name === 'write' && about.includes(said)),
    ]
    expect(order).not.toContain(-1)
    expect(order).toEqual(order.toSorted((one, other) => one - other))
    expect(calls.filter((call) => isSync(call) && call.about.includes(inFolder))).toHaveLength(1)
  })

  test('the folders themselves are on the disk before the first object', () => {
    const root = calls.findIndex((call) => isSync(call) && call.about.includes('/objects>'))
    const parent = calls.findIndex((call) => isSync(call) && call.about.includes(`${folder}>`))
    const firstWrite = calls.findIndex(({ about }) => about.includes('.part'))
    expect([root, parent]).not.toContain(-1)
    expect(Math.max(root, parent)).toBeLessThan(firstWrite)
  })
})
