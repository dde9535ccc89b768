import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { withLock } from './home-lock.ts'

let folder = ''
let path = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-lock-'))
  path = join(folder, 'x.lock')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Another process that takes the lock, says so, and holds it until it is killed. */
const holder = async () => {
  const script = fileURLToPath(new URL('../../test/hold-lock.ts', import.meta.url))
  const child = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve) => child.stdout.once('data', resolve))
  return child
}

describe('withLock', () => {
  it('lets one at a time in', async () => {
    let inside = 0
    let most = 0
    const work = async () => {
      inside++
      most = Math.max(most, inside)
      await pause(3)
      inside--
    }
    await Promise.all(Array.from({ length: 8 }, () => withLock(path, work)))
    expect([most, inside]).toEqual([1, 0])
    expect(readdirSync(folder)).toEqual(['x.lock'])
  })

  it('passes what comes from within, and only that', async () => {
    const order: string[] = []
    await withLock(path, async () => {
      const other = new Promise<void>((resolve) => setTimeout(resolve, 10))
      await withLock(path, () => order.push('inner'))
      await other
      order.push('outer')
    })
    expect(order).toEqual(['inner', 'outer'])
  })

  it('is free again after a failure', async () => {
    await expect(withLock(path, () => Promise.reject(new Error('x')))).rejects.toThrow('x')
    expect(await withLock(path, () => 7)).toBe(7)
  })

  it('waits for another process, and is free when that one is killed', async () => {
    const child = await holder()
    let entered = false
    const waiting = withLock(path, () => (entered = true))
    await pause(150)
    expect(entered).toBe(false)
    child.kill('SIGKILL')
    await waiting
    expect(entered).toBe(true)
  })
})
