import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

/** One system call that succeeded: its name, and the file it was about. */
type Call = { readonly name: string; readonly about: string }

const folder = mkdtempSync(join(tmpdir(), 'hearthold-strace-'))
let calls: Call[] = []

/**
 * Reads what `strace -f -y` wrote: `-y` names the file behind each number. A call that another thread interrupted
 * stands in two lines; it counts where it ended, since only then may anything rely on it.
 */
const parse = (trace: string): Call[] => {
  const unfinished = new Map<string, string>()
  return trace.split('\n').flatMap((line): Call[] => {
    const [, thread = '', rest = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? []
    if (rest.endsWith('<unfinished ...>')) {
      unfinished.set(thread, rest)
      return []
    }
    const resumed = /^<\.\.\. \w+ resumed>/.test(rest)
    const whole = resumed ? (unfinished.get(thread) ?? '') + rest : rest
    const [, name, about] = /^(\w+)\((.*)/.exec(whole) ?? []
    const failed = / = -1 /.test(rest)
    return name === undefined || about === undefined || failed ? [] : [{ name, about }]
  })
}

beforeAll(() => {
  const trace = join(folder, 'trace')
  try {
    execFileSync('strace', ['-V'], { stdio: 'ignore' })
  } catch {
    throw new Error('strace is missing: apt-get install -y strace')
  }
  const traced = 'trace=fsync,fdatasync,rename,renameat,renameat2,write,pwrite64,pwritev,writev'
  const script = join(import.meta.dirname, 'store-objects.ts')
  const command = [
    '-f',
    '-y',
    '-e',
    traced,
    '-o',
    trace,
    process.execPath,
    script,
    join(folder, 'objects'),
  ]
  execFileSync('strace', command, { stdio: ['ignore', 'ignore', 'inherit'] })
  calls = parse(readFileSync(trace, 'utf8'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const isSync = ({ name }: Call): boolean => name === 'fsync' || name === 'fdatasync'
const isRename = ({ name }: Call): boolean => name.startsWith('rename')
const isWrite = ({ name }: Call): boolean => name.includes('write')

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
      calls.findIndex((call) => isRename(call) && part(call)),
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
