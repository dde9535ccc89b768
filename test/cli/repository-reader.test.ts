/** Snapshots that real restic made, read by the real command line over the real server; no restic is needed. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Repository } from '@hearthold/contract'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import v1 from '../../packages/member/src/restic/fixtures/v1.json' with { type: 'json' }
import v2 from '../../packages/member/src/restic/fixtures/v2.json' with { type: 'json' }
import type { DemoDevice } from '../../tools/demo/instance.ts'
import { fails, type House, setUpHost, startHouse } from './house.ts'
import { ResticCaller } from './restic-caller.ts'

const password = 'fixture password, für alle'
let house: House
let ada: DemoDevice
let passwordFile: string
let restFile: string

type Reason = { path: string; reason: string; code?: string }
type Entry = { path: string; name: string; kind: string; sizeBytes: number | null; mode: number }
type Listed = { entries: Entry[]; failed: Reason[] }
type Snapshots = { version: number; snapshots: { id: string; tags: string[]; host: string }[] }
type Restored = { files: number; folders: number; links: number; bytes: number; failed: Reason[] }
type Drilled = { ok: boolean; files: number; failed: Reason[] }

const fixtures: Readonly<Record<string, Readonly<Record<string, string>>>> = { one: v1, two: v2 }

/** Makes a repository of this name and puts a fixture into it, as restic would have; the file with its address. */
const fill = async (name: string): Promise<string> => {
  await ada.json('repository', 'create', name)
  const file = join(house.folder, `${name}.address`)
  const words = ['repository', 'credential', 'create', name, '--scope', 'append', '--out', file]
  await ada.json(...words, '--password-file', ada.secret('password'))
  const caller = ResticCaller.ofFile(file)
  await caller.status('POST', '?create=true')
  for (const [path, text] of Object.entries(fixtures[name] ?? {})) {
    const status = await caller.status('POST', path, Uint8Array.from(Buffer.from(text, 'base64')))
    if (status !== 200) throw new Error(`${path} was answered ${status}`)
  }
  return file
}

beforeAll(async () => {
  house = await startHouse()
  ada = await setUpHost(house, 'Ada')
  passwordFile = await ada.writeSecret('repository-password', password)
  await fill('one')
  restFile = await fill('two')
})
afterAll(() => house.stop())

const opened = () => ['--repository-password-file', passwordFile]
const read = <T>(verb: string, ...words: string[]) =>
  ada.json<T>('repository', verb, ...words, ...opened())
const run = (verb: string, ...words: string[]) => ada.run('repository', verb, ...words, ...opened())
const newFolder = (name: string) => join(house.folder, name)

describe('browse', () => {
  it.each([
    ['one', 1],
    ['two', 2],
  ])('lists the snapshots of %s', async (name, version) => {
    const { snapshots, ...rest } = await read<Snapshots>('browse', name)
    expect(rest.version).toBe(version)
    expect(snapshots.map(({ tags }) => tags)).toEqual([['second'], ['first', 'small']])
    const { stdout } = await run('browse', name)
    expect(stdout).toMatch(/^Id +Time +Host +Tags +Paths\n[0-9a-f]{8}  2022-05-06 .*first, small/)
  })

  it('lists a folder, one file, and what is called so', async () => {
    const { entries } = await read<Listed>('browse', 'two', 'latest:/folder')
    expect(entries.map(({ path, kind }) => [path, kind])).toEqual([
      ['folder/deep', 'folder'],
      ['folder/hello.txt', 'file'],
      ['folder/pipe', 'fifo'],
    ])
    const shown = await run('browse', 'two', 'latest:folder/deep')
    expect(shown.stdout).toMatch(/^link +rwxrwxrwx .* link -> \.\.\/hello\.txt$/m)
    const one = await read<Listed>('browse', 'two', 'latest:sparse')
    expect(one.entries[0]).toMatchObject({ path: 'sparse', sizeBytes: 20_971_520 })
    const found = await read<Listed>('browse', 'two', '--find', '*link')
    expect(found.entries.map(({ path }) => path)).toEqual([
      'folder/deep/hard-link',
      'folder/deep/link',
      'folder/deep/odd-link',
    ])
  })

  it('shows names that steer a terminal harmlessly', async () => {
    const { stdout } = await run('browse', 'two', 'latest')
    // oxlint-disable-next-line no-control-regex
    expect(stdout).not.toMatch(/[\u0001\t\ufeff]/)
    expect(stdout).toContain('caf\\xe9')
  })

  it('says what changed between two snapshots', async () => {
    const { snapshots } = await read<Snapshots>('browse', 'two')
    const first = snapshots[1]!.id.slice(0, 8)
    const { stdout } = await run('browse', 'two', '--diff', first, 'latest')
    expect(stdout).toMatch(/^changed +folder\/hello\.txt$/m)
    expect(stdout).toMatch(/^removed +private$/m)
    expect(stdout).toMatch(/^other kind +empty$/m)
  })

  it('refuses what is not there, and another password, in words', async () => {
    const browse = (...words: string[]) => fails(ada, 'repository', 'browse', ...words, ...opened())
    expect(await browse('three')).toMatchObject({ error: { code: 'notFound' } })
    expect(await browse('two', 'ffffffff')).toMatchObject({ error: { code: 'notFound' } })
    expect(await browse('two', 'latest:nowhere')).toMatchObject({ error: { code: 'notFound' } })
    const other = await ada.writeSecret('other', 'not the password')
    const wrong = await fails(
      ada,
      ...['repository', 'browse', 'two', '--repository-password-file', other],
    )
    expect(wrong.error.message).toBe('The password opens no key of this repository.')
  })
})

describe('restore', () => {
  it.each(['one', 'two'])('writes all of %s, and lists what cannot be written', async (name) => {
    const folder = newFolder(`restored-${name}`)
    const { snapshots } = await read<Snapshots>('browse', name)
    const result = await run('restore', name, snapshots[1]!.id, '--to', folder, '--json')
    expect(result.code).toBe(1)
    const done = JSON.parse(result.stdout) as Restored
    expect(done.failed.map(({ path }) => path)).toEqual(['folder/pipe'])
    expect(readFileSync(join(folder, 'folder/hello.txt'), 'utf8')).toBe('hello\n')
    expect(statSync(join(folder, 'folder/hello.txt')).mtimeMs).toBeCloseTo(1_614_834_367_123.456, 2)
    expect(statSync(join(folder, 'folder/deep/hard-link')).ino).toBe(
      statSync(join(folder, 'folder/hello.txt')).ino,
    )
    expect(readlinkSync(join(folder, 'folder/deep/link'))).toBe('../hello.txt')
    // restic keeps the bytes of such a link since 0.16 only.
    expect(readlinkSync(join(folder, 'folder/deep/odd-link'))).toBe('nowhere\ufffd')
    expect(statSync(join(folder, 'private')).mode & 0o7777).toBe(0o600)
    expect(statSync(join(folder, 'folder/deep')).mode & 0o777).toBe(0o750)
    expect(statSync(join(folder, 'folder/deep')).mtimeMs).toBeCloseTo(1_640_995_200_500, 2)
    const sparse = statSync(join(folder, 'sparse'))
    expect(sparse.size).toBe(20_971_520)
    expect(sparse.blocks * 512).toBeLessThan(1_000_000)
    const names = readdirSync(folder, { encoding: 'buffer' }).map((bytes) =>
      bytes.toString('latin1'),
    )
    expect(names).toContain('caf\xe9')
    expect(names.filter((one) => one.includes('.part'))).toEqual([])
  })

  it('replaces nothing unless it may, and nothing through links', async () => {
    const folder = newFolder('careful')
    const outside = newFolder('outside')
    mkdirSync(outside)
    mkdirSync(folder)
    writeFileSync(join(folder, 'new'), 'mine')
    symlinkSync(outside, join(folder, 'folder'))
    const first = await run('restore', 'two', 'latest', '--to', folder, '--json')
    expect(first.code).toBe(1)
    const { failed } = JSON.parse(first.stdout) as Restored
    expect(failed.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['new', 'folder', 'folder/hello.txt', 'folder/deep']),
    )
    expect(readFileSync(join(folder, 'new'), 'utf8')).toBe('mine')
    expect(readdirSync(outside)).toEqual([])
    await run('restore', 'two', 'latest:new', '--to', folder, '--overwrite')
    expect(readFileSync(join(folder, 'new'), 'utf8')).toBe('new')
    expect(lstatSync(join(folder, 'folder')).isSymbolicLink()).toBe(true)
  })

  it('restores a part', async () => {
    const folder = newFolder('part')
    const { files } = await read<Restored>('restore', 'two', 'latest:folder/deep', '--to', folder)
    expect(files).toBe(2)
    expect(readdirSync(folder).toSorted()).toEqual(['deeper', 'hard-link', 'link', 'odd-link'])
  })
})

describe('any REST server', () => {
  it('is read by an address in a file', async () => {
    const words = ['rest:', '--repository-file', restFile]
    expect((await read<Snapshots>('browse', ...words)).snapshots.length).toBe(2)
    const folder = newFolder('by-address')
    const { files } = await read<Restored>(
      ...(['restore', 'rest:', 'latest:empty', '--to', folder] as const),
      ...['--repository-file', restFile],
    )
    expect(files).toBe(1)
    expect(readFileSync(join(folder, 'inside'), 'utf8')).toBe('inside')
  })

  it('takes no secret from the command line, and says when it is not let in', async () => {
    const address = readFileSync(restFile, 'utf8').trim()
    const open = (...words: string[]) => fails(ada, 'repository', 'browse', ...words, ...opened())
    const shown = await open(address)
    expect(shown.error.code).toBe('usage')
    expect(JSON.stringify(shown)).not.toContain(new URL(address.slice(5)).password)
    const bare = new URL(address.slice(5))
    bare.username = ''
    bare.password = ''
    expect((await open(`rest:${bare}`)).error.code).toBe('notSignedIn')
    expect((await open('rest:http://elsewhere.example/')).error.code).toBe('usage')
  })
})

describe('drill', () => {
  const drill = (...words: string[]) => run('drill', 'two', ...words, '--json')

  it('restores, looks, cleans up and tells the server', async () => {
    const temporary = newFolder('room')
    mkdirSync(temporary)
    const words = ['--temporary-folder', temporary, '--every', '100']
    const { code, stdout } = await drill(
      ...words,
      '--expect',
      'folder/hello.txt',
      'sparse',
      'empty',
    )
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      files: 11,
      failed: [],
    } satisfies Partial<Drilled>)
    expect(code).toBe(0)
    expect(readdirSync(temporary)).toEqual([])
    const { repository } = await ada.json<{ repository: Repository }>('repository', 'show', 'two')
    expect(repository.drill).toMatchObject({ ok: true, files: 11, expectedEveryHours: 100 })
  })

  it('fails aloud where something is missing or nothing opens, and tells that too', async () => {
    const missing = await drill('--expect', 'folder/hello.txt', 'private')
    expect(missing.code).toBe(1)
    const { failed } = JSON.parse(missing.stdout) as Drilled
    expect(failed.map(({ path }) => path)).toEqual(['private'])
    const state = async () =>
      (await ada.json<{ repository: Repository }>('repository', 'show', 'two')).repository
    expect((await state()).drill).toMatchObject({ ok: false })
    await drill('--expect', 'new')
    expect((await state()).drill).toMatchObject({ ok: true })
    const other = await ada.writeSecret('other', 'not the password')
    const words = ['repository', 'drill', 'two', '--repository-password-file', other]
    expect((await ada.run(...words, '--expect', 'new')).code).toBe(1)
    const { drill: last, alarms } = await state()
    expect(last).toMatchObject({ ok: false })
    expect(alarms.map(({ kind }) => kind)).toContain('drill')
    expect(existsSync(newFolder('room'))).toBe(true)
  })
})
