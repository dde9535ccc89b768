import { findSnapshot, openResticRepository, readFolder } from '@hearthold/member'
import { describe, expect, it } from 'vitest'
import {
  file,
  folder,
  memorySource,
  testPassword,
  TestRepository,
} from '../../packages/member/src/restic/test-repository.oracle.ts'
import type { Skipped } from '../../apps/web/src/workers/account/api.ts'
import { readZip } from './read-zip.ts'
import { planRestore } from '../../apps/web/src/workers/repository/restore-plan.ts'
import { zipOf } from '../../apps/web/src/workers/repository/restore.ts'

const mib = 1024 * 1024

describe('a zip of a repository with damage', () => {
  it('has all that is whole, and names the rest, large or small', async () => {
    const made = await TestRepository.create()
    const large = new Uint8Array(6 * mib).fill(7)
    const pieces = [1, 2, 3].map((byte) => Uint8Array.from(large).fill(byte))
    const ids = await Promise.all(pieces.map((piece) => made.putBlob('data', piece)))
    const lost = await made.putBlob('data', new TextEncoder().encode('lost'))
    const kept = await made.putBlob('data', new TextEncoder().encode('kept'))
    const inner = await made.putTree([
      file('big.bin', ids, { size: 18 * mib }),
      file('gone.txt', [lost], { size: 4 }),
      file('kept.txt', [kept], { size: 4 }),
    ])
    const tree = await made.putTree([
      folder('Box', inner),
      file('Not Restored.txt', [kept], { size: 4 }),
    ])
    await made.putIndex()
    await made.putSnapshot(tree)
    for (const { id, blobs } of made.packs) {
      if (blobs.some((blob) => blob.id === ids[1] || blob.id === lost))
        made.files.get(`data/${id}`)?.fill(0, 20, 24)
    }
    const repository = await openResticRepository(memorySource(made.files), testPassword)
    const snapshot = await findSnapshot(repository, 'latest')
    const { signal } = new AbortController()
    const found = (await readFolder(repository, snapshot.tree)).map((node) => ({
      path: node.name,
      node,
    }))
    const plan = await planRestore(repository, found, signal)
    const skipped: Skipped[] = []
    let files = 0
    const news = {
      onBytes: () => undefined,
      onFile: () => void files++,
      onSkipped: (one: Skipped) => void skipped.push(one),
    }
    const parts: Uint8Array[] = []
    for await (const part of zipOf(repository, plan, news, signal)) parts.push(part)
    const zip = readZip(Buffer.concat(parts))
    const names = [...zip.keys()]
    expect(names.toSorted()).toEqual([
      'Box/',
      'Box/kept.txt',
      'NOT RESTORED (2).txt',
      'Not Restored.txt',
    ])
    expect(zip.get('NOT RESTORED (2).txt')!.bytes.toString().split('\r\n')).toEqual([
      'Damaged in the repository, and so not in this zip:',
      '',
      'Box/big.bin',
      'Box/gone.txt',
      '',
    ])
    expect(skipped).toEqual([
      { path: 'Box/big.bin', reason: 'damaged' },
      { path: 'Box/gone.txt', reason: 'damaged' },
    ])
    expect(files).toBe(4)
  })
})
