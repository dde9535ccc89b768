import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ProblemError } from '@hearthold/contract'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fakeTerminal } from '../../test/fake-terminal.ts'
import { openHome } from '../home/home.ts'
import type { ServerHome } from '../home/server-home.ts'
import { headStore, logCache, resumeStore } from './stores.ts'
import { createTotpCodes, retryUsedCodes } from './totp.ts'

const log = 'a'.repeat(32)
const head = (seq: number) => ({ seq, chain: 'b'.repeat(64), at: 1000 + seq })
let folder = ''
let server: ServerHome
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-stores-'))
  server = openHome(join(folder, 'home')).server('http://localhost:1')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const filesBelow = (path: string): string[] =>
  readdirSync(path, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [join(entry.parentPath, entry.name)] : [],
  )

describe('what is kept between runs', () => {
  it('remembers heads, and never goes back', async () => {
    const heads = headStore(server)
    expect(await heads.find(log)).toBeUndefined()
    await heads.put(log, head(5))
    await heads.put(log, head(4))
    expect(await headStore(server).find(log)).toEqual(head(5))
    expect(await heads.find('constructor')).toBeUndefined()
  })

  it('replaces cached states and records of uploads whole, in private files', async () => {
    const cache = logCache(server)
    const resume = resumeStore(server)
    expect([await cache.load(log), await resume.find(log)]).toEqual([undefined, undefined])
    for (const size of [100_000, 3]) {
      await cache.save(log, new Uint8Array(size).fill(7))
      await resume.put(log, new Uint8Array(size).fill(8))
    }
    expect(Buffer.from((await cache.load(log)) ?? []).toString('hex')).toBe('070707')
    expect(Buffer.from((await resume.find(log)) ?? []).toString('hex')).toBe('080808')
    for (const path of filesBelow(folder)) expect(statSync(path).mode & 0o077).toBe(0)
    await resume.remove(log)
    await resume.remove(log)
    expect(await resume.find(log)).toBeUndefined()
    await expect(cache.load('../x')).rejects.toThrow(RangeError)
  })
})

describe('codes of the authenticator', () => {
  const secret = 'JBSWY3DPEHPK3PXP'

  it('are used once each, also by a later run, and under any spelling of the name', async () => {
    const terminal = fakeTerminal()
    const first = await createTotpCodes(server, 'Ada', terminal).next(secret)
    const second = await createTotpCodes(server, ' ada ', terminal).next(secret)
    const third = await createTotpCodes(server, 'ada', terminal).next(secret.toLowerCase())
    expect(new Set([first, second, third]).size).toBe(3)
    for (const code of [first, second, third]) expect(code).toMatch(/^\d{6}$/)
    await createTotpCodes(server, '__proto__', terminal).next(secret)
  })

  it('say that they wait when all are used, until they are interrupted', async () => {
    const terminal = fakeTerminal()
    const codes = createTotpCodes(server, 'ada', terminal)
    for (let i = 0; i < 3; i++) await codes.next(secret)
    const waiting = codes.next(secret)
    await new Promise((done) => setTimeout(done, 20))
    expect(terminal.err()).toMatch(/^Waiting \d+ s for the next code of the authenticator\.\n$/)
    terminal.abort()
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('refuse a secret that is none, without repeating it', async () => {
    const codes = createTotpCodes(server, 'ada', fakeTerminal())
    await expect(codes.next('hunter2!')).rejects.toMatchObject({ exitCode: 2 })
    await expect(codes.next('hunter2!')).rejects.not.toThrow(/hunter2/)
  })

  it('are tried again only where they were computed, and three times at most', async () => {
    let tries = 0
    const used = () => {
      tries++
      return Promise.reject(new ProblemError('second_factor_wrong'))
    }
    await expect(retryUsedCodes(true, used)).rejects.toThrow(ProblemError)
    expect(tries).toBe(3)
    await expect(retryUsedCodes(false, used)).rejects.toThrow(ProblemError)
    expect(tries).toBe(4)
  })
})
