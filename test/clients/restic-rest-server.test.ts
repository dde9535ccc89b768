/** The real restic against `hearthold rest-server`, with the flags that rest-server's users have. */
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { differences, digestTree } from '../../tools/demo/compare.ts'
import type { Restic } from '../../tools/demo/restic.ts'
import { FolderServer, newFolder, removeFolder, resticFor, writeSource } from './restic-places.ts'

const folder = newFolder()
const source = writeSource(join(folder, 'source'), 8)
const path = join(folder, 'served')
afterAll(() => removeFolder(folder))

/** A line of .htpasswd. */
const htpasswdLine = (user: string, password: string): string =>
  `${user}:{SHA}${createHash('sha1').update(password).digest('base64')}\n`

describe('hearthold rest-server', () => {
  let server: FolderServer
  let restic: Restic
  beforeAll(async () => {
    mkdirSync(path, { recursive: true })
    writeFileSync(
      join(path, '.htpasswd'),
      htpasswdLine('ada', 'secret') + htpasswdLine('bea', 'other'),
    )
    server = await FolderServer.start(path, '--private-repos')
    restic = resticFor(join(folder, 'ada'), server.address('ada/laptop/', 'ada:secret@'))
  })
  afterAll(() => server.stop())

  it('serves a whole life of a repository', async () => {
    await restic.must('init')
    await restic.must('backup', source)
    writeFileSync(join(source, 'letters', 'new'), 'one more')
    await restic.must('backup', source)
    await restic.checkAll()
    expect(await restic.must('dump', 'latest', join(source, 'letters', 'new'))).toBe('one more')
    const target = join(folder, 'target')
    await restic.must('restore', 'latest', '--target', target)
    const [before, after] = [await digestTree(source), await digestTree(join(target, source))]
    expect(differences(before.tree, after.tree)).toEqual([])
    await restic.must('forget', '--keep-last', '1', '--prune', '--max-unused', '0')
    await restic.checkAll()
    expect(await restic.snapshots()).toHaveLength(1)
    await restic.must('rebuild-index')
    await restic.checkAll()
  })

  it('copies between repositories of one user', async () => {
    const second = resticFor(join(folder, 'second'), server.address('ada/second/', 'ada:secret@'))
    const { repositoryFile, passwordFile } = restic
    const from = ['--from-repository-file', repositoryFile, '--from-password-file', passwordFile]
    await second.must('init', '--copy-chunker-params', ...from)
    await second.must('copy', ...from)
    await second.checkAll()
    expect(await second.snapshots()).toHaveLength(1)
  })

  it('keeps users from each other, and strangers out', async () => {
    for (const [name, user] of [
      ['bea', 'bea:other@'],
      ['wrong', 'ada:other@'],
      ['nobody', ''],
    ] as const) {
      const other = resticFor(join(folder, name), server.address('ada/laptop/', user), {
        like: restic,
      })
      const refused = await other.run('snapshots')
      expect([name, refused.code === 0, refused.stderr]).toEqual([
        ...[name, false],
        expect.stringContaining('401'),
      ])
    }
  })

  it('with --append-only takes backups and refuses to forget and prune', async () => {
    const only = await FolderServer.start(path, '--append-only')
    try {
      const append = resticFor(join(folder, 'append'), only.address('ada/laptop/', 'ada:secret@'), {
        like: restic,
      })
      await append.must('backup', source)
      expect(await append.isRefused(403, 'forget', 'latest')).toBe(true)
      expect(await append.isRefused(403, 'forget', '--keep-last', '1', '--prune')).toBe(true)
      expect(await append.snapshots()).toHaveLength(2)
      await append.checkAll()
    } finally {
      await only.stop()
    }
  })
})
