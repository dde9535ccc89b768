/** Key files, configs and sealed bytes that somebody made to harm who reads them, or that broke. */
import { describe, expect, it } from 'vitest'
import v2 from './fixtures/v2.json' with { type: 'json' }
import {
  listSnapshots,
  loadIndex,
  openResticRepository,
  readBlobs,
  type ResticProblem,
  type ResticRepository,
  walkSnapshot,
} from './index.ts'
import { findUnsealed, importSealingKeys } from './sealed.ts'
import {
  codeOf,
  fixtureFiles,
  memorySource,
  seal,
  testPassword,
  TestRepository,
} from './test-repository.oracle.ts'
import { hashOf } from './values.ts'

const text = (value: string) => new TextEncoder().encode(value)
const open = (repository: TestRepository) =>
  openResticRepository(memorySource(repository.files), testPassword)

describe('key files', () => {
  const onlyKey = async (more: Readonly<Record<string, unknown>>) => {
    const repository = await TestRepository.create()
    for (const name of repository.files.keys())
      if (name.startsWith('keys/')) repository.files.delete(name)
    await repository.putKey(more)
    const before = performance.now()
    const code = await codeOf(open(repository))
    // Refused unopened: neither memory nor time went into it.
    expect(performance.now() - before).toBeLessThan(2000)
    return code
  }

  it.each([
    ['key_refused', { N: 2 ** 30 }],
    ['key_refused', { r: 2 ** 24 }],
    ['key_refused', { p: 2 ** 30 }],
    ['key_refused', { N: 32_768, p: 1000 }],
    ['key_refused', { kdf: 'argon2id' }],
    ['key_damaged', { N: 1000 }],
    ['key_damaged', { N: 1 }],
    ['key_damaged', { N: 2 ** 40 }],
    ['key_damaged', { N: 0 }],
    ['key_damaged', { N: -16 }],
    ['key_damaged', { N: '16' }],
    ['key_damaged', { N: 1.5 }],
    ['key_damaged', { r: 0 }],
    ['key_damaged', { p: null }],
    ['key_damaged', { salt: '!' }],
    ['key_damaged', { data: 7 }],
    ['wrong_password', { data: '' }],
  ])('gives %s for %j', async (code, more) => {
    expect(await onlyKey(more)).toBe(code)
  })

  it('tries the others where one is damaged or refused', async () => {
    const repository = await TestRepository.create()
    await repository.putKey({ N: 2 ** 30 })
    await repository.putRaw('keys', text('{'))
    repository.files.set(`keys/${'0'.repeat(64)}`, text('{}'))
    await repository.putKey({}, 'of somebody else')
    expect((await open(repository)).version).toBe(2)
    const other = openResticRepository(memorySource(repository.files), 'of somebody else')
    expect((await other).version).toBe(2)
  })

  it('takes a key file by its hash alone', async () => {
    const repository = await TestRepository.create()
    const [name] = [...repository.files.keys()].filter((one) => one.startsWith('keys/'))
    const bytes = repository.files.get(name!)!
    repository.files.delete(name!)
    repository.files.set(`keys/${'1'.repeat(64)}`, bytes)
    expect(await codeOf(open(repository))).toBe('key_damaged')
  })

  it('refuses very many of them, and none', async () => {
    const repository = await TestRepository.create()
    for (let count = 0; count < 70; count++)
      repository.files.set(`keys/${String(count).padStart(64, '0')}`, text('{}'))
    expect(await codeOf(open(repository))).toBe('too_large')
    repository.files.clear()
    expect(await codeOf(open(repository))).toBe('not_a_repository')
    repository.files.set('config', await seal(repository.key, text('{}')))
    expect(await codeOf(open(repository))).toBe('no_keys')
  })
})

describe('config', () => {
  it.each([
    ['unsupported_version', 3],
    ['unsupported_version', '2'],
    ['unsupported_version', null],
  ])('gives %s for version %j', async (code, version) => {
    const repository = await TestRepository.create()
    const id = 'ab'.repeat(32)
    const plain = text(JSON.stringify({ version, id }))
    repository.files.set('config', await seal(repository.key, plain))
    expect(await codeOf(open(repository))).toBe(code)
  })

  it('gives damaged for another MAC, and for what is no config', async () => {
    const repository = await TestRepository.create()
    for (const plain of ['{}', 'null', '[', '{"version":2,"id":"short"}']) {
      repository.files.set('config', await seal(repository.key, text(plain)))
      expect(await codeOf(open(repository))).toBe('damaged')
    }
    repository.files.set('config', new Uint8Array(31))
    expect(await codeOf(open(repository))).toBe('damaged')
  })
})

describe('sealed bytes', () => {
  it('opens nothing of which any byte is another', async () => {
    const key = crypto.getRandomValues(new Uint8Array(64))
    const keys = await importSealingKeys(key)
    for (const length of [0, 1, 16, 100]) {
      const plain = crypto.getRandomValues(new Uint8Array(length))
      const sealed = await seal(key, plain)
      expect(await findUnsealed(keys, sealed)).toEqual(plain)
      for (let at = 0; at < sealed.length; at++) {
        const bent = sealed.slice()
        bent[at] = (bent[at] ?? 0) ^ (1 << (at % 8))
        expect(await findUnsealed(keys, bent)).toBeUndefined()
        expect(await findUnsealed(keys, sealed.subarray(0, at))).toBeUndefined()
      }
      const longer = new Uint8Array([...sealed, 0])
      expect(await findUnsealed(keys, longer)).toBeUndefined()
    }
  })

  it('tells damage anywhere in a real pack, index or snapshot', { timeout: 60_000 }, async () => {
    const files = fixtureFiles(v2)
    const repository = await openResticRepository(memorySource(files), fixturePassword)
    for (const [name, bytes] of [...files].filter(([one]) => /^(index|snapshots|data)/.test(one))) {
      // The header at a pack's end is not read here; its length stands last.
      const header = new DataView(bytes.buffer).getUint32(bytes.length - 4, true) + 4
      const end = name.startsWith('data/') ? bytes.length - header : bytes.length
      for (let sample = 0; sample < 5; sample++) {
        const at = Math.floor(((sample + 0.5) * end) / 5)
        const copy = bytes.slice()
        copy[at] = (copy[at] ?? 0) ^ 0x40
        const source = memorySource(new Map([...files, [name, copy]]))
        const codes = await readAll({ ...repository, source, loaded: undefined })
        expect(codes.length).toBeGreaterThan(0)
        expect(codes.filter((code) => !['damaged', 'blob_missing'].includes(code))).toEqual([])
      }
    }
  })
})

const fixturePassword = 'fixture password, für alle'

/** Reads all snapshots whole. Gives the codes of what could not be read; throws where other bytes came than were named. */
const readAll = async (repository: ResticRepository): Promise<string[]> => {
  const problems: ResticProblem[] = []
  const onProblem = (problem: ResticProblem) => void problems.push(problem)
  const { snapshots, problems: unread } = await listSnapshots(repository)
  problems.push(...unread, ...(await loadIndex(repository)).problems)
  for (const { tree } of snapshots) {
    for await (const { nodes } of walkSnapshot(repository, tree, { onProblem })) {
      const wanted = nodes.flatMap(({ content = [] }) => content.map((id) => ({ item: id, id })))
      for await (const { item, bytes, error } of readBlobs(repository, wanted)) {
        if (error) problems.push({ object: item, code: error.code, message: error.message })
        else if ((await hashOf(bytes)) !== item) throw new Error(`other bytes came for ${item}`)
      }
    }
  }
  return problems.map(({ code }) => code)
}
