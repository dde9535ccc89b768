import { describe, expect, it } from 'vitest'
import { partOf } from '../downloads.ts'
import type { Transfer, WorkerEvent } from './api.ts'
import { deviceLabel } from './device-label.ts'
import { AccountError, errorOnWire } from './errors.ts'
import { mediaType } from './media-type.ts'
import { servePulls } from './pull-port.ts'
import { createNames, safeName } from './safe-names.ts'
import { createTabs, type HandedSecret } from './tabs.ts'
import { blankTransfer, trackTransfer } from './transfer-track.ts'

describe('errors over postMessage', () => {
  it('keep kind, code, detail and the time to wait, and nothing else', () => {
    const problem = Object.assign(new Error('Wait.'), {
      name: 'ProblemError',
      code: 'locked_out',
      detail: 'Wait a minute.',
      retryAfterSeconds: 60,
      extra: { tries: 3, nested: { secret: 'x' } },
      secret: 'never',
    })
    const wire = structuredClone(errorOnWire(problem))
    expect(wire).toEqual({
      kind: 'problem',
      name: 'ProblemError',
      code: 'locked_out',
      message: 'Wait.',
      detail: 'Wait a minute.',
      retryAfterSeconds: 60,
      extra: { tries: 3 },
    })
    const thrown = new AccountError(wire)
    expect(errorOnWire(thrown)).toEqual(wire)
    expect(thrown).toMatchObject({ kind: 'problem', code: 'locked_out', retryAfterSeconds: 60 })
  })

  it('name what has no code of its own', () => {
    const named = (name: string, more: object = {}) =>
      errorOnWire(Object.assign(new Error('x'), { name, ...more }))
    expect(named('NetworkError', { kind: 'dropped' })).toMatchObject({
      kind: 'network',
      code: 'dropped',
    })
    expect(named('PasskeyPrfError', { reason: 'absent' }).code).toBe('passkey_prf_absent')
    expect(errorOnWire(new DOMException('x', 'NotAllowedError'))).toMatchObject({
      name: 'NotAllowedError',
      code: 'not_allowed',
    })
    expect(errorOnWire(new DOMException('x', 'AbortError')).kind).toBe('aborted')
    expect(errorOnWire('secret text').message).not.toContain('secret')
  })
})

describe('pull protocol', () => {
  const next = (port: MessagePort): Promise<Record<string, unknown>> =>
    new Promise((resolve) => {
      port.addEventListener('message', ({ data }) => resolve(data), { once: true })
      port.postMessage({ pull: true })
    })

  it('reads no more than was asked for, and ends', async () => {
    let made = 0
    async function* source() {
      for (; made < 3; made++) yield new Uint8Array(4).fill(made).subarray(1)
    }
    const { port1, port2 } = new MessageChannel()
    port2.start()
    const served = servePulls(port1, source(), () => undefined)
    const { chunk } = await next(port2)
    expect(new Uint8Array(chunk as ArrayBuffer)).toEqual(new Uint8Array(3))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(made).toBe(0)
    await next(port2)
    await next(port2)
    expect(await next(port2)).toEqual({ end: true })
    await served
  })

  it('tells what failed, and stops for a reader that goes', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(1)
      throw Object.assign(new Error('Changed.'), { name: 'IntegrityError', code: 'object_segment' })
    }
    const first = new MessageChannel()
    first.port2.start()
    const failed = servePulls(first.port1, broken(), () => undefined)
    failed.catch(() => undefined)
    await next(first.port2)
    expect(await next(first.port2)).toEqual({
      error: { code: 'object_segment', message: 'Changed.' },
    })
    await expect(failed).rejects.toThrow('Changed.')
    const second = new MessageChannel()
    let stopped = false
    const cancelled = servePulls(second.port1, broken(), () => void (stopped = true))
    second.port2.postMessage({ cancel: true })
    await expect(cancelled).rejects.toMatchObject({ name: 'AbortError' })
    expect(stopped).toBe(true)
  })
})

describe('names for disks and zips', () => {
  it.each([
    ['../../etc/passwd', '.._.._etc_passwd'],
    ['a\u202egpj.exe', 'a_gpj.exe'],
    ['con.txt', '_con.txt'],
    ['trailing. . ', 'trailing'],
    ['...', '_'],
    ['zero\u200bwidth', 'zero_width'],
    ['Ünïcode ☃.txt', 'Ünïcode ☃.txt'],
  ])('%j is %j', (name, safe) => {
    expect(safeName(name)).toBe(safe)
  })

  it('are short, and numbered where two would be one', () => {
    expect([...safeName(`${'x'.repeat(400)}.jpeg`)]).toHaveLength(200)
    expect(safeName(`${'x'.repeat(400)}.jpeg`)).toMatch(/\.jpeg$/)
    const names = createNames()
    expect(['a.txt', 'A.TXT', 'a.txt', 'a (2).txt'].map(names)).toEqual([
      'a.txt',
      'A (2).TXT',
      'a (3).txt',
      'a (2) (2).txt',
    ])
  })

  it('give no type that a browser would run', () => {
    for (const name of ['a.html', 'a.htm', 'a.svg', 'a.xhtml', 'a.xml', 'a.js', 'a', 'a.HTML']) {
      expect(mediaType(name)).toBe('application/octet-stream')
    }
    expect(mediaType('Film.MP4')).toBe('video/mp4')
  })
})

describe('ranges', () => {
  it.each([
    [null, undefined],
    ['bytes=0-', { start: 0, end: 100 }],
    ['bytes=10-19', { start: 10, end: 20 }],
    ['bytes=90-1000', { start: 90, end: 100 }],
    ['bytes=-10', { start: 90, end: 100 }],
    ['bytes=-1000', { start: 0, end: 100 }],
    ['bytes=100-', 'outside'],
    ['bytes=20-10', 'outside'],
    ['bytes=-0', 'outside'],
    ['bytes=0-1,5-6', undefined],
    ['bytes=-', undefined],
  ])('%s of 100 bytes', (range, part) => {
    expect(partOf(range, 100)).toEqual(part)
  })
})

describe('progress', () => {
  it('is told at most ten times a second, each new state at once, and nothing after the end', async () => {
    const told: Transfer[] = []
    const events = {
      subscribe: () => undefined,
      tell: (event: WorkerEvent) => void (event.type === 'transfer' && told.push(event.transfer)),
    }
    const blank = blankTransfer({
      id: '1',
      direction: 'upload',
      share: 's',
      folder: 'f',
      title: 't',
    })
    let clock = 1000
    const track = trackTransfer(events, blank, () => clock)
    track.set({ state: 'running' })
    for (let i = 1; i <= 1000; i++) {
      clock += 1
      track.set({ bytes: i * 1000 })
    }
    expect(told.length).toBeGreaterThan(5)
    expect(told.length).toBeLessThan(13)
    expect(told.at(-1)!.bytesPerSecond).toBeGreaterThan(900_000)
    expect(told.at(-1)!.bytesPerSecond).toBeLessThan(1_100_000)
    track.set({ state: 'done' })
    const count = told.length
    track.set({ bytes: 5, state: 'failed' })
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect(told).toHaveLength(count)
    expect(told.at(-1)).toMatchObject({ state: 'done', bytes: 1_000_000 })
  })
})

describe('tabs', () => {
  const secret: HandedSecret = {
    type: 5,
    id: new Uint8Array(16),
    secret: new Uint8Array(32).fill(7),
  }

  const mine = 'a1'.repeat(16)

  it('hand over what unlocks to a tab that asks for that account, and only then', async () => {
    const holder = createTabs(
      () => undefined,
      (account) => (account === mine ? secret : undefined),
    )
    const asker = createTabs(
      () => undefined,
      () => undefined,
    )
    const heard: unknown[] = []
    const listener = new BroadcastChannel('hearthold/tabs')
    listener.addEventListener('message', ({ data }) => heard.push(data))
    expect(await asker.askUnlock(mine, 2000)).toEqual(secret)
    expect(await asker.askUnlock('b2'.repeat(16), 100)).toBeUndefined()
    // An answer that nobody asked for is of no effect.
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel of this origin
    listener.postMessage({ news: 'unlock', ask: '0'.repeat(32), by: secret })
    expect(heard.filter((one) => (one as { news: string }).news === 'unlock')).toHaveLength(1)
    for (const one of [holder, asker, listener]) one.close()
  })

  it('hear nothing but news of their own form', async () => {
    const heard: unknown[] = []
    const answered: unknown[] = []
    const tabs = createTabs(
      (news) => heard.push(news),
      () => secret,
    )
    const other = new BroadcastChannel('hearthold/tabs')
    other.addEventListener('message', ({ data }) => answered.push(data))
    const ask = 'c3'.repeat(16)
    for (const wrong of [
      null,
      'signed-out',
      7,
      [],
      {},
      { news: 'signed-out' },
      { news: 'signed-out', account: '../x' },
      { news: 'share-changed', account: mine },
      { news: 'share-changed', account: mine, share: { log: mine } },
      { news: 'everything', account: mine },
      { news: 'ask-unlock', ask: 'short', account: mine },
      { news: 'ask-unlock', ask, account: 'short' },
      { news: 'unlock', ask: null, by: secret },
    ]) {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel of this origin
      other.postMessage(wrong)
    }
    const right = { news: 'signed-out', account: mine }
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel of this origin
    other.postMessage(right)
    await expect.poll(() => heard.length).toBeGreaterThan(0)
    expect(heard).toEqual([right])
    expect(answered).toEqual([])
    for (const one of [tabs, other]) one.close()
  })
})

describe('device label', () => {
  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux'],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1',
      'Safari on iOS',
    ],
    [
      'Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/149.0 Safari/537.36 Edg/149.0',
      'Edge on Windows',
    ],
    ['something else', 'Browser'],
  ])('of %s', (userAgent, label) => {
    expect(deviceLabel({ userAgent })).toBe(label)
  })
})
