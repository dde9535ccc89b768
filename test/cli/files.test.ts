/** Files by the real command line: what a disk can hold, into a share and back, and everything that can be wrong with it. */
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DemoDevice } from '../../tools/demo/instance.ts'
import { begin, fails, setUpHost, signUpGuest, startHouse, type House } from './house.ts'

let house: House
let ada: DemoDevice
let bea: DemoDevice
let disk = ''
beforeAll(async () => {
  house = await startHouse()
  ada = await setUpHost(house, 'ada')
  bea = await signUpGuest(house, ada, 'bea')
  await ada.json('share', 'create', 'Docs')
  disk = join(house.folder, 'disk')
  mkdirSync(disk)
})
afterAll(() => house.stop())

type Report = {
  files: number
  folders: number
  links: number
  bytes: number
  skipped: number
  failed: { path: string; reason: string }[]
  notKept?: { path: string; reason: string }[]
}
type Listing = {
  entries: {
    name: string
    path: string
    kind: string
    sizeBytes: number | null
    versions: number
    id: string
  }[]
}

const at = (...names: string[]) => join(disk, ...names)
const sha = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')
const names = async (place: string) =>
  (await ada.json<Listing>('ls', place)).entries.map(({ name }) => name)

describe('put and get', () => {
  it('bring names of any kind, empty, sparse and odd files back with time and mode', async () => {
    const odd = [
      'plain.txt',
      'with space',
      'ünïcödé',
      '日本語.txt',
      '👩‍👩‍👧',
      'tab\there',
      'line\nbreak',
      'quote\'"`$(rm -rf)',
      '-rf',
      '.hidden',
      'x'.repeat(255),
      'é'.repeat(127),
      '\u202egpj.exe',
      'a:b',
      '\\',
      '*?',
    ]
    mkdirSync(at('odd', 'empty folder'), { recursive: true })
    for (const name of odd) writeFileSync(at('odd', name), randomBytes(33))
    writeFileSync(at('odd', 'zero'), '')
    writeFileSync(at('odd', 'sparse'), 'end')
    truncateSync(at('odd', 'sparse'), 3 * 1024 * 1024 + 5)
    writeFileSync(at('odd', 'exactly'), randomBytes(256 * 1024))
    symlinkSync('../nowhere/ü', at('odd', 'link'))
    chmodSync(at('odd', 'plain.txt'), 0o4751)
    utimesSync(at('odd', 'plain.txt'), 1_000_000_000.5, 981_173_106.789)
    utimesSync(at('odd', 'empty folder'), 1, 1_000_000)
    chmodSync(at('odd', 'empty folder'), 0o555)
    const put = await ada.json<Report>('put', at('odd'), 'Docs:/')
    expect(put).toMatchObject({ files: odd.length + 3, links: 1, failed: [], skipped: 0 })
    const got = await ada.json<Report>('get', 'Docs:/odd', at('back'))
    expect(got).toMatchObject({
      files: odd.length + 3,
      links: 1,
      folders: 2,
      failed: [],
      bytes: put.bytes,
    })
    expect(readdirSync(at('back', 'odd')).sort()).toEqual(readdirSync(at('odd')).sort())
    for (const name of [...odd, 'zero', 'sparse', 'exactly'])
      expect(sha(at('back', 'odd', name))).toBe(sha(at('odd', name)))
    expect(readlinkSync(at('back', 'odd', 'link'))).toBe('../nowhere/ü')
    const plain = statSync(at('back', 'odd', 'plain.txt'))
    expect([plain.mode & 0o7777, plain.mtimeMs]).toEqual([0o751, 981_173_106_789])
    const folder = statSync(at('back', 'odd', 'empty folder'))
    expect([folder.mode & 0o777, folder.mtimeMs]).toEqual([0o555, 1_000_000_000])
  })

  it('store again only what has changed', async () => {
    writeFileSync(at('odd', 'with space'), 'changed')
    const again = await ada.json<Report>('put', at('odd'), 'Docs:/')
    expect(again).toMatchObject({ files: 1, bytes: 7 })
    expect(again.skipped).toBeGreaterThan(10)
    const { entries } = await ada.json<Listing>('ls', 'Docs:/odd/with space')
    expect(entries).toMatchObject([{ versions: 2, sizeBytes: 7, kind: 'file' }])
  })

  it('overwrite nothing without --force', async () => {
    mkdirSync(at('taken'))
    writeFileSync(at('taken', 'zero'), 'mine')
    expect(await ada.run('get', 'Docs:/odd/zero', at('taken'), '--json')).toMatchObject({ code: 5 })
    expect(readFileSync(at('taken', 'zero'), 'utf8')).toBe('mine')
    await ada.json('get', 'Docs:/odd/zero', at('taken'), '--force')
    expect(readFileSync(at('taken', 'zero'), 'utf8')).toBe('')
    expect(readdirSync(at('taken'))).toEqual(['zero'])
  })

  it('make nothing on the disk for what is not there', async () => {
    expect(await fails(ada, 'get', 'Docs:/odd', 'Docs:/none', at('nothing'))).toMatchObject({
      exit: 4,
    })
    expect(existsSync(at('nothing'))).toBe(false)
  })

  it('never write through a link', async () => {
    mkdirSync(at('outside'))
    mkdirSync(at('trap'))
    symlinkSync(at('outside'), at('trap', 'odd'))
    const run = await ada.run('get', 'Docs:/odd', at('trap'), '--json', '--force')
    const report = JSON.parse(run.stdout) as Report
    expect(run.code).toBe(1)
    expect(report.failed.find(({ path }) => path === 'odd')?.reason).toBe(
      'A link stands in its place.',
    )
    expect([report.files, readdirSync(at('outside'))]).toEqual([0, []])
    symlinkSync(at('outside', 'victim'), at('trap', 'zero'))
    await ada.json('get', 'Docs:/odd/zero', at('trap'), '--force')
    expect([existsSync(at('outside', 'victim')), lstatSync(at('trap', 'zero')).isFile()]).toEqual([
      false,
      true,
    ])
    const file = await fails(ada, 'get', 'Docs:/odd', at('taken', 'zero'))
    expect(file).toMatchObject({
      exit: 5,
      error: { message: `${at('taken', 'zero')} is not a folder.` },
    })
  })

  it('list names too long for a disk, and bring all else', async () => {
    await ada.json('mkdir', `Docs:/long/${'y'.repeat(300)}`)
    await ada.json('mkdir', 'Docs:/long/short')
    const run = await ada.run('get', 'Docs:/long', at('long-back'), '--json')
    expect(run.code).toBe(1)
    expect((JSON.parse(run.stdout) as Report).failed).toMatchObject([
      { reason: 'Its name is longer than this disk allows.' },
    ])
    expect(readdirSync(at('long-back', 'long'))).toEqual(['short'])
  })
})

describe('put', () => {
  it('lists what has nothing to keep, and names that are no text or collide', async () => {
    const folder = at('special')
    mkdirSync(folder)
    execFileSync('mkfifo', [join(folder, 'pipe')])
    const server = createServer().listen(join(folder, 'socket'))
    await new Promise((done) => server.once('listening', done))
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/bad`), Buffer.from([0xff, 0x41])]), 'x')
    writeFileSync(join(folder, 'é'.normalize('NFC')), 'composed')
    writeFileSync(join(folder, 'é'.normalize('NFD')), 'decomposed')
    writeFileSync(join(folder, 'ok'), 'x')
    const run = await ada.run('put', folder, 'Docs:/', '--json')
    server.close()
    const report = JSON.parse(run.stdout) as Report
    expect([run.code, report.files]).toEqual([1, 2])
    expect(report.notKept?.map(({ path }) => path).sort()).toEqual([
      'special/pipe',
      'special/socket',
    ])
    expect(report.failed.map(({ reason }) => reason).sort()).toEqual([
      'Another item has the same name in another spelling of Unicode.',
      'Its name is not valid UTF-8.',
    ])
    expect(report.failed.map(({ path }) => path)).toContain(String.raw`special/bad\xffA`)
    const text = await ada.run('put', folder, 'Docs:/')
    expect(text.stderr).toContain('Not put:\n')
  })

  it('keeps links as links, and with --dereference what they lead to, without going in circles', async () => {
    mkdirSync(at('linked', 'folder'), { recursive: true })
    writeFileSync(at('linked', 'folder', 'file'), 'content')
    symlinkSync('folder/file', at('linked', 'to-file'))
    symlinkSync('..', at('linked', 'folder', 'up'))
    symlinkSync('nothing', at('linked', 'dangling'))
    expect(await ada.json<Report>('put', at('linked'), 'Docs:/as-links')).toMatchObject({
      files: 1,
      links: 3,
    })
    const run = await ada.run('put', at('linked'), 'Docs:/followed', '--dereference', '--json')
    const report = JSON.parse(run.stdout) as Report
    expect([run.code, report.files, report.links]).toEqual([1, 2, 0])
    expect(report.failed.map(({ reason }) => reason).sort()).toEqual([
      'It is a link to nothing.',
      'It leads back to a folder above it.',
    ])
  })

  it('lists what cannot be read and does the rest', async () => {
    const nobody = 65_534
    mkdirSync(at('mixed', 'closed'), { recursive: true })
    writeFileSync(at('mixed', 'readable'), 'x')
    writeFileSync(at('mixed', 'secret'), 'x', { mode: 0 })
    chmodSync(at('mixed', 'closed'), 0)
    // Root reads everything: then somebody else with a home of the same keys tries.
    const isRoot = process.getuid?.() === 0
    const home = join(house.folder, 'nobody-home')
    cpSync(ada.home, home, { recursive: true })
    if (isRoot) {
      chmodSync(house.folder, 0o755)
      for (const name of [
        home,
        ...readdirSync(home, { recursive: true, encoding: 'utf8' }).map((one) => join(home, one)),
      ])
        chownSync(name, nobody, nobody)
    }
    const device = Object.assign(Object.create(ada) as DemoDevice, { home })
    const options = { server: house.server.url, ...(isRoot ? { uid: nobody } : {}) }
    const run = await begin(device, ['put', at('mixed'), 'Docs:/', '--json'], options).ended
    const report = JSON.parse(run.stdout) as Report
    expect([run.code, report.files]).toEqual([1, 1])
    expect(new Map(report.failed.map(({ path, reason }) => [path, reason]))).toEqual(
      new Map([
        ['mixed/closed', 'It may not be opened by this user.'],
        ['mixed/secret', 'It may not be opened by this user.'],
      ]),
    )
  })

  it('explains wrong places before anything is stored', async () => {
    expect(await fails(ada, 'put', at('nowhere'), 'Docs:/')).toMatchObject({ exit: 4 })
    expect(await fails(ada, 'put', at('odd'))).toMatchObject({ exit: 2 })
    expect(await fails(ada, 'put', at('odd'), 'no-colon')).toMatchObject({ exit: 2 })
    expect(await fails(ada, 'put', at('odd'), 'Docs:/../x')).toMatchObject({ exit: 2 })
    expect(await fails(ada, 'put', at('odd'), 'Nope:/')).toMatchObject({ exit: 4 })
    expect(await fails(ada, 'put', at('odd'), at('back', 'odd'), 'Docs:/')).toMatchObject({
      exit: 2,
    })
    expect(await fails(ada, 'put', '/', 'Docs:/')).toMatchObject({ exit: 2 })
  })
})

describe('the tree', () => {
  it('is listed, changed, trashed, restored and erased', async () => {
    mkdirSync(at('tree', 'sub'), { recursive: true })
    writeFileSync(at('tree', 'one'), 'one')
    writeFileSync(at('tree', 'sub', 'two'), 'two')
    await ada.json('put', at('tree'), 'Docs:/')
    await ada.json('mv', 'Docs:/tree/one', 'Docs:/tree/renamed')
    await ada.json('mv', 'Docs:/tree/renamed', 'Docs:/tree/sub')
    await ada.json('cp', 'Docs:/tree/sub', 'Docs:/tree/copy')
    expect(await names('Docs:/tree/copy')).toEqual(['renamed', 'two'])
    expect(await fails(ada, 'mv', 'Docs:/tree/sub', 'Docs:/tree/sub/two')).toMatchObject({
      exit: 5,
    })
    expect(await fails(ada, 'mv', 'Docs:/tree', 'Docs:/tree/sub')).toMatchObject({ exit: 2 })
    expect(await fails(ada, 'rm', 'Docs:/tree/sub')).toMatchObject({ exit: 2 })
    await ada.json('rm', '--recursive', 'Docs:/tree/sub', 'Docs:/tree/copy/two')
    expect(await names('Docs:/tree')).toEqual(['copy'])
    expect(await fails(ada, 'ls', 'Docs:/tree/sub')).toMatchObject({ exit: 4 })
    const trash = await ada.json<Listing>('trash', 'list', 'Docs')
    expect(trash.entries.map(({ name }) => name).sort()).toEqual(['sub', 'two'])
    expect(await ada.json('ls', 'Docs:', '--trash')).toEqual(trash)
    await ada.json('trash', 'restore', 'Docs', 'sub')
    expect(await names('Docs:/tree')).toEqual(['copy', 'sub'])
    expect(await fails(ada, 'trash', 'restore', 'Docs', 'sub')).toMatchObject({ exit: 4 })
    expect(await ada.json('trash', 'empty', 'Docs')).toMatchObject({ erased: 1, files: 1 })
    await ada.json('rm', '-r', '--forever', 'Docs:/tree')
    expect(await fails(ada, 'ls', 'Docs:/tree')).toMatchObject({ exit: 4 })
  })

  it('is found by a name of its own only', async () => {
    expect(await fails(ada, 'share', 'create', 'Docs')).toMatchObject({ exit: 5 })
    expect(await fails(ada, 'share', 'create', '../x')).toMatchObject({ exit: 2 })
    await ada.json('share', 'create', 'Old')
    await ada.json('share', 'rename', 'Old', 'New: and /odd'.replace('/', ''))
    expect((await ada.run('ls', 'New: and odd:/')).code).toBe(0)
    expect(await fails(ada, 'ls', 'Old:/')).toMatchObject({ exit: 4 })
    const { shares } = await ada.json<{ shares: { log: string; name: string }[] }>('share', 'list')
    const docs = shares.find(({ name }) => name === 'Docs')?.log ?? ''
    expect((await ada.run('ls', `${docs}:/`)).code).toBe(0)
    for (const args of [
      ['ls', `${docs}:/`],
      ['get', `${docs}:/`, at('stolen')],
      ['put', at('odd'), `${docs}:/`],
    ])
      expect(await fails(bea, ...args)).toMatchObject({
        exit: 4,
        error: { message: 'There is no such share.' },
      })
    expect(existsSync(at('stolen'))).toBe(false)
  })

  it('opens offline by exported keys, which come in a private file', async () => {
    writeFileSync(at('offline.txt'), randomBytes(700_000))
    await ada.json('put', at('offline.txt'), 'Docs:/')
    const keys = join(house.folder, 'keys.json')
    await ada.json('share', 'keys', 'Docs', '--out', keys)
    expect(statSync(keys).mode & 0o777).toBe(0o600)
    expect(await fails(ada, 'share', 'keys', 'Docs', '--out', keys)).toMatchObject({ exit: 5 })
    const exported = JSON.parse(readFileSync(keys, 'utf8')) as {
      keys: { path: string; object: string }[]
    }
    const object = exported.keys.find(({ path }) => path === '/offline.txt')?.object ?? ''
    const stored = readdirSync(house.server.dataFolder, { recursive: true, encoding: 'utf8' }).find(
      (name) => name.endsWith(`${object}.enc`),
    )
    const file = join(house.server.dataFolder, stored ?? '')
    await ada.json('decrypt', file, '--keys', keys, '--out', at('opened'))
    expect(sha(at('opened'))).toBe(sha(at('offline.txt')))
    expect(await fails(ada, 'decrypt', file, '--keys', keys, '--out', at('opened'))).toMatchObject({
      exit: 5,
    })
    const bytes = readFileSync(file)
    bytes[400_000]! ^= 1
    writeFileSync(at(`${object}.enc`), bytes)
    const broken = await fails(
      ada,
      'decrypt',
      at(`${object}.enc`),
      '--keys',
      keys,
      '--out',
      at('broken'),
    )
    expect([broken.exit, broken.error.code]).toEqual([1, 'object_segment'])
    expect(readdirSync(disk).filter((name) => name === 'broken' || name.endsWith('.part'))).toEqual(
      [],
    )
    expect(await fails(ada, 'decrypt', at('odd', 'zero'), '--keys', keys)).toMatchObject({
      exit: 2,
    })
  })
})
