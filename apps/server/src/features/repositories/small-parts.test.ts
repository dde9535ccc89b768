import { randomBytes } from 'node:crypto'
import { CredentialName } from '@hearthold/contract'
import { describe, expect, test } from 'vitest'
import { versionsOf } from '#platform/keys/secret-files.ts'
import { Counts } from './counts.ts'
import { credentialHasher, newCredentialName, newCredentialSecret } from './credential-secrets.ts'
import { dayMs, hourMs } from './deps.ts'
import { basicCredentials } from './gate.ts'
import { dueNow } from './scrub.ts'
import { neverScrubbed, nothingCounted } from './store.ts'

const now = 1_800_000_000_000

describe('credentials', () => {
  test('have a word of the label and chance in their names, and 26 characters of chance for a secret', () => {
    const pattern = new RegExp((CredentialName as { pattern?: string }).pattern ?? '-')
    for (const [label, word] of [
      ['Laptop', 'laptop'],
      ["Ada's NAS, 2nd floor!", 'adasnas2ndfloor'],
      ['x'.repeat(60), 'x'.repeat(20)],
      ['ноутбук', 'machine'],
    ] as const) {
      const name = newCredentialName(label)
      expect(name).toMatch(pattern)
      expect(name.slice(0, -9)).toBe(word)
    }
    const secrets = Array.from({ length: 500 }, newCredentialSecret)
    for (const secret of secrets) expect(secret).toMatch(/^[a-z2-7]{26}$/)
    expect(new Set(secrets).size).toBe(500)
    // Every character is drawn.
    expect(new Set(secrets.join('')).size).toBe(32)
  })

  test('match under the pepper they were made with, by name and secret', () => {
    const pepper = (version: number) => ({ version, value: new Uint8Array(randomBytes(32)) })
    const [first, second] = [pepper(1), pepper(2)]
    const old = credentialHasher(versionsOf('pepper', [first]))
    const stored = old.hash('laptop-aaaaaaaa', 'secret')
    expect(stored.hash.length).toBe(32)
    const both = credentialHasher(versionsOf('pepper', [first, second]))
    expect(both.hash('laptop-aaaaaaaa', 'secret').version).toBe(2)
    expect(both.matches('laptop-aaaaaaaa', 'secret', stored)).toBe(true)
    expect(both.matches('laptop-aaaaaaaa', 'secreu', stored)).toBe(false)
    expect(both.matches('laptop-bbbbbbbb', 'secret', stored)).toBe(false)
    const none = { version: undefined, hash: undefined }
    expect(both.matches('laptop-aaaaaaaa', 'secret', none)).toBe(false)
    const lost = credentialHasher(versionsOf('pepper', [second]))
    expect(lost.matches('laptop-aaaaaaaa', 'secret', stored)).toBe(false)
  })

  test('are read from a Basic header and from nothing else', () => {
    const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
    expect(basicCredentials(basic('a:b'))).toEqual({ name: 'a', secret: 'b' })
    expect(basicCredentials(basic('a:b').replace('Basic', 'bASIC '))).toEqual({
      name: 'a',
      secret: 'b',
    })
    expect(basicCredentials(basic('a:b:c'))).toEqual({ name: 'a', secret: 'b:c' })
    expect(basicCredentials(basic(':'))).toEqual({ name: '', secret: '' })
    for (const header of [
      undefined,
      '',
      'Basic',
      'Basic ',
      'Basic a:b',
      basic('nocolon'),
      `${basic('a:b')} x`,
      `Bearer ${Buffer.from('a:b').toString('base64')}`,
      basic(`a:${'x'.repeat(400)}`),
    ])
      expect(basicCredentials(header)).toBeUndefined()
  })
})

describe('a burst', () => {
  const ref = (type: 'data' | 'snapshots', n: number) => ({
    type,
    id: n.toString(16).padStart(64, '0'),
  })
  const filled = (type: 'data' | 'snapshots', count: number, sizeBytes: number): Counts => {
    const counts = new Counts(nothingCounted)
    for (let n = 0; n < count; n++) counts.stored(ref(type, n), sizeBytes, now, undefined)
    return counts
  }
  /** Deletes one after the other. @returns after how many it is a burst; undefined if never */
  const burstAfter = (
    counts: Counts,
    type: 'data' | 'snapshots',
    count: number,
    sizeBytes: number,
    everyMs = 0,
  ): number | undefined => {
    for (let n = 0; n < count; n++) {
      counts.binned(ref(type, n), sizeBytes, now + n * everyMs)
      if (counts.isBurst(now + n * everyMs)) return n + 1
    }
    return undefined
  }

  test('is more than half of the snapshots, and at least five', () => {
    expect(burstAfter(filled('snapshots', 20, 300), 'snapshots', 20, 300)).toBe(11)
    expect(burstAfter(filled('snapshots', 6, 300), 'snapshots', 6, 300)).toBe(5)
    expect(burstAfter(filled('snapshots', 4, 300), 'snapshots', 4, 300)).toBeUndefined()
  })

  test('is more than half of the bytes, and a hundred objects or 100 MiB', () => {
    expect(burstAfter(filled('data', 300, 10), 'data', 300, 10)).toBe(151)
    expect(burstAfter(filled('data', 120, 10), 'data', 120, 10)).toBe(100)
    expect(burstAfter(filled('data', 99, 10), 'data', 99, 10)).toBeUndefined()
    const pack = 16 * 1024 * 1024
    expect(burstAfter(filled('data', 20, pack), 'data', 20, pack)).toBe(11)
    expect(burstAfter(filled('data', 8, pack), 'data', 8, pack)).toBe(7)
  })

  test('lies within a day', () => {
    const slowly = filled('snapshots', 20, 300)
    expect(burstAfter(slowly, 'snapshots', 15, 300, 6 * hourMs)).toBeUndefined()
    const counts = filled('data', 300, 10)
    expect(burstAfter(counts, 'data', 151, 10)).toBe(151)
    expect(counts.isBurst(now + 26 * hourMs)).toBe(false)
  })
})

describe('what an hour of scrubbing owes', () => {
  const begun = { ...neverScrubbed, startedAt: now }
  test('ends a round in four weeks, whatever was missed', () => {
    expect(dueNow(begun, 0, now)).toBe(32)
    expect(dueNow(begun, 1_000_000, now)).toBe(1489)
    const half = { ...begun, checkedObjects: 500_000 }
    expect(dueNow(half, 1_000_000, now + 27 * dayMs)).toBe(20_834)
    expect(dueNow(half, 1_000_000, now + 40 * dayMs)).toBe(500_000)
    expect(dueNow({ ...begun, finishedAt: now }, 1_000_000, now)).toBe(0)
    expect(dueNow({ ...begun, atOnce: true }, 10, now)).toBe(Infinity)
  })

  test('simulated hour by hour, all is read in time, also by a server that is off at night', () => {
    for (const isOn of [() => true, (hour: number) => hour % 24 < 8]) {
      let checked = 0
      for (let hour = 0; hour < 30 * 24; hour++)
        if (isOn(hour) && checked < 200_000) {
          const scrub = { ...begun, checkedObjects: checked }
          checked += dueNow(scrub, 200_000, now + hour * hourMs)
        }
      expect(checked).toBeGreaterThanOrEqual(200_000)
    }
  })
})
