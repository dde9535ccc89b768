import { deleteDB, openDB } from 'idb'
import { describe, expect, it } from 'vitest'
import { openAccountStore } from './account-store.ts'
import { openProfileStore } from './profile-store.ts'
import { indexedRows, memoryRows, type Rows, steadyRows } from './rows.ts'
import { createSealing, makeSealingKey } from './sealing.ts'

const unavailable = (): never => {
  throw new Error('The store was said to be unavailable.')
}

const account = 'a1'.repeat(16)
const log = 'b2'.repeat(16)
const text = (value: string) => new TextEncoder().encode(value)

describe('sealing', () => {
  it('takes a key that cannot be read out, and nothing in its place', async () => {
    const readable = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, [
      'encrypt',
      'decrypt',
    ])
    const encryptsOnly = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, [
      'encrypt',
    ])
    for (const wrong of [null, undefined, new Uint8Array(32), '', {}, readable, encryptsOnly]) {
      expect(() => createSealing(wrong)).toThrow('no key')
    }
    const key = await makeSealingKey()
    await expect(crypto.subtle.exportKey('raw', key)).rejects.toThrow()
  })

  it('opens what it sealed, at its place and under its key only', async () => {
    const sealing = createSealing(await makeSealingKey())
    const sealed = await sealing.seal('here', text('hello'))
    expect(await sealing.open('here', sealed)).toEqual(text('hello'))
    expect(await sealing.open('there', sealed)).toBeUndefined()
    expect(await createSealing(await makeSealingKey()).open('here', sealed)).toBeUndefined()
    for (const at of sealed.keys()) {
      const changed = sealed.slice()
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(await sealing.open('here', changed)).toBeUndefined()
    }
    for (const none of [undefined, null, new Uint8Array(0), sealed.subarray(0, 27), 'text']) {
      expect(await sealing.open('here', none)).toBeUndefined()
    }
  })
})

describe('profile and account', () => {
  it('come back after the browser was closed, and lie sealed', async () => {
    await deleteDB('hearthold')
    await deleteDB(`hearthold-${account}`)
    const seed = crypto.getRandomValues(new Uint8Array(32))
    const profile = await openProfileStore(unavailable)
    await profile.putDeviceSeed(seed)
    const known = { account, log, instanceKey: 'c3'.repeat(32), name: 'Ada Lovelace' }
    await profile.putAccount(known)
    const store = openAccountStore(account, profile.sealing, unavailable)
    await store.outbox<{ name: string }>().put('1', { name: 'Secret plans' })
    await store.putPages(log, [{ after: 3, bytes: text('an older page') }])
    await store.putPages(log, [
      { after: 0, bytes: text('a page of entries') },
      { after: 500, bytes: new Uint8Array(0) },
      { after: 2 ** 40, bytes: text('the last page of them') },
    ])

    const again = await openProfileStore(unavailable)
    expect(await again.deviceSeed()).toEqual(seed)
    expect(await again.account(account)).toEqual(known)
    const stored = openAccountStore(account, again.sealing, unavailable)
    expect(await stored.outbox().all()).toEqual([['1', { name: 'Secret plans' }]])
    expect(await stored.page(log, 0)).toEqual(text('a page of entries'))
    expect(await stored.page(log, 500)).toEqual(new Uint8Array(0))
    expect(await stored.page(log, 2 ** 40)).toEqual(text('the last page of them'))
    for (const other of [3, 1, 501]) expect(await stored.page(log, other)).toBeUndefined()
    expect(await stored.page('f6'.repeat(16), 0)).toBeUndefined()

    const raw: string[] = []
    for (const name of ['hearthold', `hearthold-${account}`]) {
      const database = await openDB(name)
      for (const area of database.objectStoreNames) {
        for (const value of await database.getAll(area)) {
          if (value instanceof Uint8Array) raw.push(new TextDecoder('latin1').decode(value))
        }
      }
      database.close()
    }
    const all = raw.join('\n')
    expect(raw.length).toBeGreaterThanOrEqual(4)
    for (const plain of ['Ada', 'Secret', 'page', new TextDecoder('latin1').decode(seed)]) {
      expect(all).not.toContain(plain)
    }
    store.close()
    stored.close()
  })

  it('keep what unlocks by itself for one account, and forget all of it with the session', async () => {
    const profile = await openProfileStore(unavailable)
    const other = 'e5'.repeat(16)
    const secret = crypto.getRandomValues(new Uint8Array(48))
    await profile.putMethodSecret(account, secret)
    await profile.putMethodSecret(other, secret)
    await profile.putAnswer('session', text('who'))
    await profile.keepMethodOnlyOf(account)
    expect(await profile.methodSecret(other)).toBeUndefined()
    expect(await profile.methodSecret(account)).toEqual(secret)
    await profile.forgetSession()
    expect(await profile.methodSecret(account)).toBeUndefined()
    expect(await profile.answer('session')).toBeUndefined()
    // The device stays the same one.
    expect(await profile.deviceSeed()).toBeDefined()
  })

  it('never lowers a head, whichever tab writes', async () => {
    const profile = await openProfileStore(unavailable)
    const one = openAccountStore(account, profile.sealing, unavailable)
    const two = openAccountStore(account, profile.sealing, unavailable)
    const head = (seq: number) => ({ seq, chain: 'd4'.repeat(32), at: seq })
    await Promise.all([
      one.heads.put(log, head(5)),
      two.heads.put(log, head(9)),
      one.heads.put(log, head(7)),
    ])
    await one.heads.put(log, head(3))
    expect(await two.heads.find(log)).toEqual(head(9))
    one.close()
    two.close()
  })
})

describe('rows', () => {
  const full = (): Rows<'area'> => ({
    ...memoryRows<'area'>(),
    put: () => Promise.reject(new DOMException('Full.', 'QuotaExceededError')),
    change: () => Promise.reject(new DOMException('Full.', 'QuotaExceededError')),
  })

  it.each([
    ['full', () => Promise.resolve(full())],
    ['forbidden', () => Promise.reject(new DOMException('No.', 'SecurityError'))],
  ])('go on in memory where the store is %s, and say so once', async (_, open) => {
    let told = 0
    const rows = steadyRows<'area'>(open(), () => told++)
    await rows.put('area', 'b', 1)
    await rows.put('area', 'a', 2)
    expect(await rows.get('area', 'b')).toBe(1)
    expect(await rows.change('area', 'b', (before) => Number(before) + 1)).toBe(2)
    expect(await rows.entries('area')).toEqual([
      ['a', 2],
      ['b', 2],
    ])
    await rows.remove('area', 'b')
    expect(await rows.get('area', 'b')).toBeUndefined()
    expect(told).toBe(1)
  })

  it('take nothing more once they are closed, and call nothing unavailable', async () => {
    await deleteDB('rows-test')
    const rows = steadyRows<'area'>(indexedRows('rows-test', ['area']), unavailable)
    await rows.put('area', 'before', 1)
    rows.close()
    await rows.put('area', 'after', 2)
    await rows.remove('area', 'before')
    expect(await rows.change('area', 'after', () => 3)).toBeUndefined()
    expect(await rows.get('area', 'after')).toBeUndefined()
    expect(await rows.entries('area')).toEqual([])
    const again = await indexedRows('rows-test', ['area'] as const)
    expect(await again.entries('area')).toEqual([['before', 1]])
    again.close()
  })

  it('change a row in one step', async () => {
    await deleteDB('rows-test')
    const rows = await indexedRows('rows-test', ['area'] as const)
    await Promise.all(
      Array.from({ length: 50 }, () =>
        rows.change('area', 'count', (before) => Number(before ?? 0) + 1),
      ),
    )
    expect(await rows.get('area', 'count')).toBe(50)
    rows.close()
  })
})
