/** Snapshots and index files that somebody made to harm who reads them, or that broke. */
import { describe, expect, it } from 'vitest'
import { BlobIndex } from './blob-index.ts'
import {
  findSnapshot,
  listSnapshots,
  loadIndex,
  openResticRepository,
  readBlobs,
  readFolder,
} from './index.ts'
import {
  codeOf,
  collected,
  memorySource,
  testPassword,
  TestRepository,
  zstdRuns,
} from './test-repository.oracle.ts'
import { hashOf } from './values.ts'

const text = (value: string) => new TextEncoder().encode(value)
const open = (repository: TestRepository) =>
  openResticRepository(memorySource(repository.files), testPassword)

describe('snapshots', () => {
  it('gives those that can be read, and says which cannot', async () => {
    const repository = await TestRepository.create()
    const good = await repository.putSnapshot('cd'.repeat(32))
    await repository.putSnapshot('no tree')
    await repository.putSnapshot('cd'.repeat(32), { time: 'yesterday' })
    await repository.putSealed('snapshots', Uint8Array.of(0))
    await repository.putSealed('snapshots', zstdBomb(2))
    await repository.putRaw('snapshots', new Uint8Array(5))
    repository.files.set(`snapshots/${'2'.repeat(64)}`, repository.files.get(`snapshots/${good}`)!)
    const opened = await open(repository)
    const { snapshots, problems } = await listSnapshots(opened)
    expect(snapshots.map(({ id }) => id)).toEqual([good])
    expect(snapshots[0]?.time).toEqual({ ms: Date.UTC(2024, 0, 2, 2, 4, 5, 678), ns: 901_234 })
    expect(problems.map(({ code }) => code).toSorted()).toEqual([
      ...['damaged', 'damaged', 'damaged', 'damaged', 'damaged', 'too_large'],
    ])
    expect(await codeOf(findSnapshot(opened, 'latest'))).toMatch(/damaged|too_large/)
    expect((await findSnapshot(opened, good.slice(0, 10))).id).toBe(good)
  })
})

/** A leading 2, as restic has before zstd, and some MiB of spaces packed small. */
const zstdBomb = (hundredMib: number) => {
  const runs = Array.from({ length: hundredMib * 800 }, () => [0x20, 131_072] as const)
  return new Uint8Array([2, ...zstdRuns(runs)])
}

describe('index', () => {
  it('is missed, and says so', async () => {
    const repository = await TestRepository.create()
    const tree = await repository.putTree([])
    const opened = await open(repository)
    expect((await loadIndex(opened)).problems.map(({ code }) => code)).toEqual(['index_missing'])
    expect(await codeOf(readFolder(opened, tree))).toBe('index_missing')
  })

  it('is read as far as it can be', async () => {
    const repository = await TestRepository.create()
    const tree = await repository.putTree([])
    await repository.putIndex()
    await repository.putRaw('index', new Uint8Array(100))
    await repository.putSealed('index', zstdBomb(3))
    await repository.putSealed('index', text('{"packs":7}'))
    await repository.putSealed('index', text('{"packs":[{"id":"x"}]}'))
    const opened = await open(repository)
    const { problems, files } = await loadIndex(opened)
    expect(files).toBe(5)
    expect(problems.map(({ code }) => code).toSorted()).toEqual([
      ...['damaged', 'damaged', 'damaged', 'too_large'],
    ])
    expect(await readFolder(opened, tree)).toEqual([])
    expect(await codeOf(readFolder(opened, 'ee'.repeat(32)))).toBe('blob_missing')
  })

  it.each([
    { offset: -1 },
    { length: 31 },
    { length: 2 ** 32 },
    { offset: 2 ** 32 },
    { offset: 1e300 },
    { offset: null },
    { length: 1.5 },
    { uncompressed_length: -1 },
    { uncompressed_length: 2 ** 33 },
    { uncompressed_length: '9' },
    { id: 'AB'.repeat(32) },
  ])('refuses a blob with %j', async (more) => {
    const repository = await TestRepository.create()
    const id = 'ab'.repeat(32)
    const blob = { id, type: 'data', offset: 0, length: 100, ...more }
    await repository.putSealed('index', text(JSON.stringify({ packs: [{ id, blobs: [blob] }] })))
    const { problems } = await loadIndex(await open(repository))
    expect(problems.map(({ code }) => code)).toEqual(['damaged'])
  })

  it('reads the oldest form, and what has no packs', async () => {
    const repository = await TestRepository.create()
    const tree = await repository.putTree([])
    await repository.putSealed('index', text(JSON.stringify(repository.packs)))
    await repository.putSealed('index', text('{"packs":null}'))
    const opened = await open(repository)
    expect(await readFolder(opened, tree)).toEqual([])
    expect((await loadIndex(opened)).problems).toEqual([])
  })

  it('takes another copy where one is damaged or gone, and what is superseded last', async () => {
    const repository = await TestRepository.create()
    const plain = text('three times')
    const id = await hashOf(plain)
    const first = await repository.putPack('data', [{ id, plain }])
    const old = await repository.putIndex()
    repository.packs.length = 0
    const second = await repository.putPack('data', [{ id, plain }])
    await repository.putPack('data', [{ id, plain }])
    await repository.putIndex({ supersedes: [old] })
    const source = memorySource(repository.files)
    const read = async () => {
      const opened = await openResticRepository(source, testPassword)
      return collected(readBlobs(opened, [{ item: 0, id }]))
    }
    expect(await read()).toEqual([{ item: 0, bytes: plain }])
    expect(source.reads.filter((name) => name === `data/${first}`)).toEqual([])
    repository.files.set(`data/${second}`, new Uint8Array(1000))
    expect(await read()).toEqual([{ item: 0, bytes: plain }])
    repository.files.delete(`data/${second}`)
    expect(await read()).toEqual([{ item: 0, bytes: plain }])
    for (const { id: pack } of repository.packs) repository.files.delete(`data/${pack}`)
    expect(await read()).toEqual([{ item: 0, bytes: plain }])
    repository.files.delete(`data/${first}`)
    expect((await read())[0]?.error?.code).toBe('object_missing')
  })

  it('finds every one of 200,000 blobs, also ids that begin alike', () => {
    const index = new BlobIndex()
    const idOf = (number: number) =>
      number % 2 === 0
        ? number.toString(16).padStart(64, '0')
        : (number * 2_654_435_761).toString(16).padEnd(64, '5')
    const pack = 'cc'.repeat(32)
    for (let number = 0; number < 200_000; number++)
      index.add(
        { id: idOf(number), pack, offset: number, length: 40 },
        number % 3 ? undefined : 9,
        0,
      )
    for (let number = 0; number < 200_000; number++) {
      const [place] = index.placesOf(idOf(number))
      if (place?.offset !== number || place.sizeBytes !== (number % 3 ? 8 : 9))
        throw new Error(`${number} is not where it was put`)
    }
    expect(index.placesOf('f'.repeat(64))).toEqual([])
    expect(index.count).toBe(200_000)
  })
})
