/** Blobs and trees that somebody made to harm who reads them, or that broke. */
import { describe, expect, it } from 'vitest'
import {
  findNode,
  openResticRepository,
  readBlobs,
  readFile,
  readFolder,
  type ResticProblem,
  walkSnapshot,
} from './index.ts'
import {
  codeOf,
  collected,
  file,
  folder,
  memorySource,
  testPassword,
  TestRepository,
  zstdRuns,
} from './test-repository.oracle.ts'

const text = (value: string) => new TextEncoder().encode(value)
const open = (repository: TestRepository) =>
  openResticRepository(memorySource(repository.files), testPassword)

describe('blobs', () => {
  it('refuses another hash, a cut-off pack, a bomb, and what is too large', async () => {
    const repository = await TestRepository.create()
    const plain = text('content')
    const wrong = 'dd'.repeat(32)
    await repository.putPack('data', [{ id: wrong, plain }])
    const bomb = { id: 'de'.repeat(32), plain: zstdRuns([[0, 131_072]]), sizeBytes: 5 }
    await repository.putPack('data', [bomb])
    const huge = { id: 'df'.repeat(32), plain, sizeBytes: 2 ** 31 }
    await repository.putPack('data', [huge])
    const cut = await repository.putBlob('data', text('cut off'))
    const pack = repository.packs.at(-1)!.id
    repository.files.set(`data/${pack}`, repository.files.get(`data/${pack}`)!.slice(0, 20))
    const gone = await repository.putBlob('data', text('gone'))
    repository.files.delete(`data/${repository.packs.at(-1)!.id}`)
    const good = await repository.putBlob('data', text('good'))
    await repository.putIndex()
    const wanted = [wrong, bomb.id, huge.id, cut, gone, 'e'.repeat(64), good]
    const answers = await collected(
      readBlobs(
        await open(repository),
        wanted.map((id) => ({ item: id, id })),
      ),
    )
    expect(answers.map(({ error }) => error?.code)).toEqual([
      ...['damaged', 'damaged', 'too_large', 'source', 'object_missing', 'blob_missing', undefined],
    ])
    expect(answers.at(-1)?.bytes).toEqual(text('good'))
    const node = { ...(await nodeOf(repository, [good, wrong])) }
    expect(await codeOf(collected(readFile(await open(repository), node)))).toBe('damaged')
  })

  it('gives each use of a blob bytes of its own', async () => {
    const repository = await TestRepository.create()
    const id = await repository.putBlob('data', text('zeros'))
    await repository.putIndex()
    const wanted = [1, 2, 3].map((item) => ({ item, id }))
    const source = memorySource(repository.files)
    const opened = await openResticRepository(source, testPassword)
    for await (const { bytes } of readBlobs(opened, wanted)) {
      expect(bytes).toEqual(text('zeros'))
      bytes?.fill(0)
    }
    expect(source.reads.filter((name) => name.startsWith('data/')).length).toBe(1)
  })

  it('stops when it is told to, and lets go when nobody reads on', async () => {
    const repository = await TestRepository.create()
    const ids = await Promise.all(
      Array.from({ length: 5 }, (_, number) => repository.putBlob('data', text(`${number}`))),
    )
    await repository.putIndex()
    const opened = await open(repository)
    const stop = new AbortController()
    const reading = readBlobs(
      opened,
      ids.map((id) => ({ item: id, id })),
      { signal: stop.signal },
    )
    expect((await reading.next()).value?.item).toBe(ids[0])
    stop.abort(new Error('enough'))
    await expect(collected(reading)).rejects.toThrow('enough')
    for await (const { item } of readBlobs(
      opened,
      ids.map((id) => ({ item: id, id })),
    )) {
      expect(item).toBe(ids[0])
      break
    }
  })
})

const nodeOf = async (repository: TestRepository, content: readonly string[]) => {
  repository.packs.length = 0
  const tree = await repository.putTree([file('x', content)])
  await repository.putIndex()
  const [node] = await readFolder(await open(repository), tree)
  if (!node) throw new Error('It is not there')
  return node
}

describe('trees', () => {
  const problemsOf = async (nodes: unknown) => {
    const repository = await TestRepository.create()
    const tree = await repository.putTree(nodes)
    await repository.putIndex()
    const opened = await open(repository)
    const problems: ResticProblem[] = []
    const onProblem = (problem: ResticProblem) => void problems.push(problem)
    const read = await readFolder(opened, tree, { onProblem })
    if (problems.length > 0) expect(await codeOf(readFolder(opened, tree))).toBe(problems[0]?.code)
    return { names: read.map(({ name }) => name), codes: problems.map(({ code }) => code), read }
  }

  it.each(['', '.', '..', 'a/b', '../../etc/passwd', 'x\\x00', '\\x2fetc', 'bad\\q', '"'])(
    'refuses the name %j, and gives what is beside it',
    async (name) => {
      const { names, codes } = await problemsOf([file('before', []), file(name, []), file('z', [])])
      expect(names).toEqual(['before', 'z'])
      expect(codes).toEqual(['name_refused'])
    },
  )

  it.each([
    null,
    7,
    { name: 7 },
    file('x', ['not an id']),
    file('x', [7] as never),
    file('x', [], { size: -1 }),
    file('x', [], { size: 2 ** 60 }),
    folder('x', '../x'),
    { name: 'x', type: 'dir' },
  ])('refuses the entry %j', async (entry) => {
    const { names, codes } = await problemsOf([entry, file('z', [])])
    expect(names).toEqual(['z'])
    expect(codes).toEqual(['damaged'])
  })

  it.each([7, {}, 'x'])('refuses the list %j', async (nodes) => {
    expect((await problemsOf(nodes)).codes).toEqual(['damaged'])
  })

  it('keeps numbers beyond 2^53, raw link targets, attributes, and kinds that it does not know', async () => {
    const repository = await TestRepository.create()
    const json = `{"nodes":[
      {"name":"f","type":"file","mode":420,"inode":18446744073709551615,"device_id":9007199254740993,"links":2,"content":null,
       "extended_attributes":[{"name":"user.x","value":"AQI="}],"generic_attributes":{"windows.x":1},"error":"was locked"},
      {"name":"l","type":"symlink","mode":134218239,"linktarget":"a\\ufffd","linktarget_raw":"Yf8="},
      {"name":"d","type":"chardev","mode":69206454,"device":1027},
      {"name":"s","type":"dir","mode":2160067565,"subtree":"${'ab'.repeat(32)}"},
      {"name":"\\"inode\\":12345678901234567890","type":"file"},
      {"name":"u","type":"door"}]}`
    const tree = await repository.putBlob('tree', text(json))
    await repository.putIndex()
    const nodes = await readFolder(await open(repository), tree, { onProblem: () => undefined })
    expect(nodes[0]).toMatchObject({
      inode: '18446744073709551615',
      deviceId: '9007199254740993',
      links: 2,
      content: [],
      mode: 0o644,
      extendedAttributes: [{ name: 'user.x', value: 'AQI=' }],
      genericAttributes: { 'windows.x': 1 },
      error: 'was locked',
    })
    expect(nodes[1]).toMatchObject({ kind: 'link', target: 'a\\xff', mode: 0o777 })
    expect(nodes[1]?.targetBytes).toEqual(Uint8Array.of(0x61, 0xff))
    expect(nodes[2]).toMatchObject({ kind: 'char_device', device: '1027' })
    expect(nodes[3]?.mode).toBe(0o6755)
    expect(nodes[4]?.kind).toBe('unknown')
  })

  it(
    'ends for trees that hold one another a thousand times, and for folders without end',
    { timeout: 120_000 },
    async () => {
      const repository = await TestRepository.create()
      let tree = await repository.putTree([])
      for (let depth = 0; depth < 1010; depth++)
        tree = await repository.putTree([folder('d', tree)])
      const deep = tree
      tree = await repository.putTree([])
      for (let level = 0; level < 4; level++)
        tree = await repository.putTree(
          Array.from({ length: 300 }, (_, number) => folder(`${level}-${number}`, tree)),
        )
      await repository.putIndex()
      const opened = await open(repository)
      expect(await codeOf(collected(walkSnapshot(opened, deep)))).toBe('too_large')
      let seen = 0
      // 300^4 folders: who has seen enough simply stops; memory has not grown with them.
      for await (const { nodes } of walkSnapshot(opened, tree)) {
        seen += nodes.length
        if (seen > 200_000) break
      }
      expect(seen).toBeGreaterThan(200_000)
    },
  )

  it('finds what stands beside an entry that cannot be used, and says why where it could be that one', async () => {
    const repository = await TestRepository.create()
    const tree = await repository.putTree([file('..', []), null, file('good', [])])
    await repository.putIndex()
    const opened = await open(repository)
    expect((await findNode(opened, tree, 'good')).name).toBe('good')
    expect(await codeOf(findNode(opened, tree, 'bad'))).toBe('name_refused')
    expect(await codeOf(findNode(opened, 'ff'.repeat(32), 'good'))).toBe('blob_missing')
  })

  it('refuses a tree that is called by the hash of another', async () => {
    const repository = await TestRepository.create()
    const id = 'ab'.repeat(32)
    // The only way to a tree within itself: a name that is not its hash.
    const plain = text(JSON.stringify({ nodes: [folder('again', id)] }))
    await repository.putPack('tree', [{ id, plain }])
    await repository.putIndex()
    const opened = await open(repository)
    expect(await codeOf(collected(walkSnapshot(opened, id)))).toBe('damaged')
  })
})
