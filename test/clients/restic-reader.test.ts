/** What our reader restores against what `restic restore` does, byte for byte; and the installed restic run by `maintain`. */
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Repository } from '@hearthold/contract'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Restic } from '../../tools/demo/restic.ts'
import { fails } from '../cli/house.ts'
import {
  FolderServer,
  FullServer,
  newFolder,
  removeFolder,
  resticFor,
  writeSource,
} from './restic-places.ts'

const folder = newFolder()
const at = (name: string): string => join(folder, name)
let server: FullServer
beforeAll(async () => {
  server = await FullServer.start()
})
afterAll(async () => {
  await server.stop()
  removeFolder(folder)
})

/** Names, modes, times and kinds that are seldom met together. */
const writeMixed = (source: string): void => {
  writeSource(source, 9)
  const inSource = (name: string) => join(source, name)
  writeFileSync(Buffer.concat([Buffer.from(inSource('caf')), Buffer.of(0xe9)]), 'latin')
  writeFileSync(inSource('quote"\\back\tslash\u200b'), 'quoted')
  for (const [index, mode] of [0o600, 0o644, 0o400, 0o755, 0o4755, 0o2711, 0].entries()) {
    const path = inSource(`mode ${index}`)
    writeFileSync(path, `${mode}`)
    chmodSync(path, mode)
  }
  mkdirSync(inSource('sticky'))
  linkSync(inSource('mode 1'), inSource('sticky/linked'))
  linkSync(inSource('mode 1'), inSource('sticky/linked again'))
  symlinkSync('../nowhere at all', inSource('sticky/broken'))
  symlinkSync('/etc', inSource('sticky/outside'))
  lutimesSync(inSource('sticky/broken'), 1_000_000_000.25, 1_000_000_000.25)
  chmodSync(inSource('sticky'), 0o1777)
  const sparse = openSync(inSource('sparse'), 'w')
  writeSync(sparse, 'begin', 0)
  writeSync(sparse, 'end', 40_000_000)
  ftruncateSync(sparse, 64_000_000)
  closeSync(sparse)
  writeFileSync(inSource('empty'), '')
  writeFileSync(inSource('text'), 'the same line, again and again\n'.repeat(300_000))
  utimesSync(inSource('text'), 123_456_789.123_456, 123_456_789.123_456)
  utimesSync(inSource('empty'), -5, -86_400.5)
  utimesSync(inSource('sticky'), 1_600_000_000.5, 1_600_000_000.5)
}

/** All of a tree that a restore brings back: kind, mode, owner, time, content, where it leads, which names are one file. */
const describeTree = (top: string): Map<string, unknown> => {
  const all = new Map<string, unknown>()
  const inodes = new Map<number, string>()
  const visit = (place: Buffer, name: string): void => {
    const kind = lstatSync(place)
    const { mode, uid, gid, size, ino, nlink } = kind
    const first = nlink > 1 && kind.isFile() ? (inodes.get(ino) ?? name) : undefined
    if (first !== undefined) inodes.set(ino, first)
    all.set(name, {
      ...{ mode, uid, gid, first },
      size: kind.isFile() ? size : 0,
      target: kind.isSymbolicLink() ? readlinkSync(place, 'buffer').toString('hex') : undefined,
      content: kind.isFile()
        ? createHash('sha256').update(readFileSync(place)).digest('hex')
        : undefined,
    })
    if (!kind.isDirectory()) return
    const names = readdirSync(place, { encoding: 'buffer' })
    for (const inner of names.toSorted(Buffer.compare))
      visit(Buffer.concat([place, Buffer.from('/'), inner]), `${name}/${inner.toString('latin1')}`)
  }
  visit(Buffer.from(top), '')
  return all
}

/** Nanoseconds between the times of equal paths, the most of all. */
const farthestTimes = (one: string, other: string, paths: readonly string[]): number =>
  paths.reduce((most, path) => {
    const [from, to] = [one, other].map((top) => {
      const place = Buffer.from(`${top}${path}`, 'latin1')
      return lstatSync(place, { bigint: true }).mtimeNs
    })
    return Math.max(most, Math.abs(Number((from ?? 0n) - (to ?? 0n))))
  }, 0)

describe.each(['1', '2'])('a repository of version %s at a REST server', (version) => {
  let served: FolderServer
  let restic: Restic
  beforeAll(async () => {
    served = await FolderServer.start(at(`served-${version}`), '--no-auth')
    restic = resticFor(at(`restic-${version}`), served.address('mixed/'))
  })
  afterAll(() => served.stop())

  it('restores what restic restores', { timeout: 240_000 }, async () => {
    const source = at(`source-${version}`)
    writeMixed(source)
    await restic.must('init', '--repository-version', version)
    await restic.must('backup', source)
    const [byRestic, byUs] = [at(`by-restic-${version}`), at(`by-us-${version}`)]
    await restic.must('restore', 'latest', '--target', byRestic)
    const done = await server.owner.json<{ failed: unknown[] }>(
      ...['repository', 'restore', 'rest:', 'latest', '--to', byUs],
      ...['--repository-file', restic.repositoryFile],
      ...['--repository-password-file', restic.passwordFile],
    )
    expect(done.failed).toEqual([])
    const [theirs, ours] = [describeTree(join(byRestic, source)), describeTree(join(byUs, source))]
    expect([...ours.keys()]).toEqual([...theirs.keys()])
    expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(theirs))
    // Node sets times by a number with a fraction, which is exact to less than a microsecond.
    const [one, other] = [join(byRestic, source), join(byUs, source)]
    expect(farthestTimes(one, other, [...ours.keys()])).toBeLessThan(1000)
    expect(lstatSync(join(byUs, source, 'sparse')).blocks * 512).toBeLessThan(8_000_000)
    // The whole difference to what was backed up is none, too.
    execFileSync('diff', ['-r', '--no-dereference', source, join(byUs, source)])
  })

  it('reads on past a damaged pack, and says what it was', { timeout: 120_000 }, async () => {
    const packs = readdirSync(at(`served-${version}/mixed/data`), {
      recursive: true,
      encoding: 'utf8',
    })
      .map((name) => join(at(`served-${version}/mixed/data`), name))
      .filter((path) => lstatSync(path).size > 3_000_000)
    const [pack = ''] = packs
    const bytes = readFileSync(pack)
    chmodSync(pack, 0o600)
    writeFileSync(
      pack,
      Buffer.concat([bytes.subarray(0, 1000), randomBytes(8), bytes.subarray(1008)]),
    )
    const result = await server.owner.run(
      ...['repository', 'restore', 'rest:', 'latest', '--to', at(`damaged-${version}`), '--json'],
      ...['--repository-file', restic.repositoryFile],
      ...['--repository-password-file', restic.passwordFile],
    )
    expect(result.code).toBe(1)
    const { failed, files } = JSON.parse(result.stdout) as {
      failed: { code: string }[]
      files: number
    }
    expect(failed.map(({ code }) => code)).toEqual(['damaged'])
    expect(files).toBeGreaterThan(70)
  })
})

describe('maintain', () => {
  const shown = async (): Promise<Repository> =>
    (await server.owner.json<{ repository: Repository }>('repository', 'show', 'kept')).repository

  it(
    'runs forget and prune by the credential of the file, and tells the server',
    { timeout: 240_000 },
    async () => {
      await server.create('kept')
      const restic = await server.restic('kept', 'maintain')
      await restic.must('init')
      const source = writeSource(at('small'), 1)
      for (let day = 1; day <= 6; day++) {
        writeFileSync(join(source, 'day'), `${day}`)
        await restic.must('backup', '--time', `2026-03-0${day} 12:00:00`, source)
      }
      const words = [
        ...['repository', 'maintain', 'kept', '--repository-file', restic.repositoryFile],
        ...['--repository-password-file', restic.passwordFile],
      ]
      const keep = [
        '--keep-daily',
        '2',
        '--keep-weekly',
        '0',
        '--keep-monthly',
        '0',
        '--keep-yearly',
        '0',
      ]
      const none = await fails(server.owner, ...words, ...keep.with(1, '0'))
      expect(none.error.code).toBe('usage')
      const { ok } = await server.owner.json<{ ok: boolean }>(...words, ...keep, '--every', '24')
      expect(ok).toBe(true)
      expect(await restic.snapshots()).toHaveLength(2)
      expect((await shown()).maintain).toMatchObject({ ok: true, expectedEveryHours: 24 })
      const drilled = await server.owner.json<{ ok: boolean }>(
        ...['repository', 'drill', 'kept', '--repository-password-file', restic.passwordFile],
        ...['--expect', join(source, 'day'), join(source, 'letters')],
      )
      expect(drilled.ok).toBe(true)
      expect((await shown()).drill).toMatchObject({ ok: true })
    },
  )

  it(
    'fails and tells that where restic fails, is missing, or may not delete',
    { timeout: 240_000 },
    async () => {
      const append = await server.restic('kept', 'append')
      const words = (file: string) => [
        ...['repository', 'maintain', 'kept', '--repository-file', file, '--keep-last', '1'],
        ...['--keep-daily', '0', '--keep-weekly', '0', '--keep-monthly', '0', '--keep-yearly', '0'],
      ]
      const wrong = await server.owner.run(
        ...[...words(append.repositoryFile), '--repository-password-file', append.passwordFile],
      )
      expect(wrong.code).toBe(1)
      expect((await shown()).maintain).toMatchObject({ ok: false })
      const missing = await fails(
        server.owner,
        ...[...words(append.repositoryFile), '--repository-password-file', append.passwordFile],
        ...['--restic', at('no such program')],
      )
      expect(missing.error.code).toBe('notFound')
      expect((await shown()).alarms.map(({ kind }) => kind)).toContain('maintain')
      await server.create('other')
      const other = await server.restic('other', 'maintain')
      const mistaken = await fails(
        server.owner,
        ...[...words(other.repositoryFile), '--repository-password-file', other.passwordFile],
      )
      expect(mistaken.error.message).toContain('another repository')
    },
  )
})
