import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { StorageError } from '#platform/storage/storage.ts'
import { bytesBelow, totalQuota } from './total-quota.ts'

const reserved = (quota: ReturnType<typeof totalQuota>, size: number | undefined) => {
  const reservation = quota.reserve(size)
  if (reservation === 'full') throw new Error('full')
  return reservation
}

test('starts from the bytes of all files: no folders, no links, no leavings of cut uploads, no lists of ours', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hearthold-quota-'))
  mkdirSync(join(folder, 'a/data/00'), { recursive: true })
  writeFileSync(join(folder, '.htpasswd'), Buffer.alloc(10))
  writeFileSync(join(folder, 'a/config'), Buffer.alloc(100))
  writeFileSync(join(folder, 'a/data/00/x'), Buffer.alloc(1000))
  writeFileSync(join(folder, 'a/data/00/x.rest-server-temp123'), Buffer.alloc(5000))
  writeFileSync(join(folder, 'a/.hearthold-list'), Buffer.alloc(5000))
  writeFileSync(join(folder, 'a/.hearthold-list.new'), Buffer.alloc(5000))
  symlinkSync('/etc', join(folder, 'a/link'))
  expect(bytesBelow(folder) - '/etc'.length).toBe(1110)
  rmSync(folder, { recursive: true })
  expect(() => bytesBelow(folder)).toThrow('ENOENT')
})
test('takes room before a byte arrives, and gives back what was not stored', () => {
  const quota = totalQuota(40, 100)
  const first = reserved(quota, 50)
  expect(quota.usedBytes()).toBe(40)
  expect(quota.reserve(11)).toBe('full')
  const second = reserved(quota, 10)
  first.settle(0)
  expect(quota.reserve(51)).toBe('full')
  second.take(10)
  second.settle(10)
  second.settle(10)
  expect(quota.usedBytes()).toBe(50)
  expect(reserved(quota, 50)).toBeDefined()
  expect(quota.reserve(1)).toBe('full')
})
test('cuts off an upload of unknown length where the room ends', () => {
  const quota = totalQuota(40, 100)
  const upload = reserved(quota, undefined)
  upload.take(40)
  expect(quota.reserve(21)).toBe('full')
  upload.take(20)
  expect(() => upload.take(1)).toThrow(StorageError)
  upload.settle(0)
  expect(quota.reserve(60)).not.toBe('full')
})
test('counts an object that is sent again once, a mended one with its new size, a deleted one no more', () => {
  const quota = totalQuota(100, 100)
  quota.reserveAgain('a/data/1', 30).settle(0)
  expect(quota.usedBytes()).toBe(100)
  quota.reserveAgain('a/data/1', 30).settle(10)
  expect(quota.usedBytes()).toBe(80)
  quota.removed('a/data/1', 10)
  expect(quota.usedBytes()).toBe(70)
  // Deleted while it was sent again: then all of it is new.
  const again = quota.reserveAgain('a/data/2', 30)
  quota.removed('a/data/2', 30)
  again.settle(30)
  expect(quota.usedBytes()).toBe(70)
})
