/** The real restic when answers are lost, and when its credential is revoked while it works. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Repository } from '@hearthold/contract'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Restic } from '../../tools/demo/restic.ts'
import { FullServer, newFolder, removeFolder, resticFor, writeSource } from './restic-places.ts'
import { ResticProxy } from './restic-proxy.ts'

const folder = newFolder()
const source = writeSource(join(folder, 'source'), 14)
let server: FullServer
let proxy: ResticProxy
beforeAll(async () => {
  server = await FullServer.start()
  const { port, url } = server.house.server
  proxy = await ResticProxy.start({ port, host: new URL(url).host })
})
afterEach(() => {
  proxy.loses = () => false
})
afterAll(async () => {
  await proxy.stop()
  await server.stop()
  removeFolder(folder)
})

/** Restic by way of the line, with a new credential. */
const byProxy = async (
  repository: string,
  scope: 'append' | 'maintain',
  like?: Restic,
): Promise<{ restic: Restic; credential: string }> => {
  const { file, credential } = await server.credential(repository, scope)
  const address = proxy.address(readFileSync(file, 'utf8'))
  const restic = resticFor(`${file}-restic`, address, like ? { like } : {})
  return { restic, credential }
}

describe.each(['append', 'maintain'] as const)('lost answers, %s', (scope) => {
  it('to uploads of each kind: restic asks again, and all is well', async () => {
    const name = `lost-${scope}`
    await server.create(name)
    const { restic } = await byProxy(name, scope)
    // Restic asks for nothing twice while it initialises.
    await restic.must('init')
    const from = proxy.lost.length
    const seen = new Map<string, number>()
    // The first answer for each kind, and every third for packs.
    proxy.loses = ({ object, status }) => {
      const kind = object.split('/')[0] ?? ''
      const count = seen.get(kind) ?? 0
      seen.set(kind, count + 1)
      return status === 200 && (kind === 'data' ? count % 3 === 0 : count === 0)
    }
    await restic.must('backup', source)
    const secondPassword = join(folder, `second-password-${scope}`)
    writeFileSync(secondPassword, 'another way in')
    await restic.must('key', 'add', '--new-password-file', secondPassword)
    const lost = proxy.lost.slice(from)
    const kinds = new Set(lost.map(({ object }) => object.split('/')[0]))
    expect(kinds).toEqual(new Set(['data', 'index', 'keys', 'locks', 'snapshots']))
    for (const { object } of lost) {
      const again = proxy.uploads.filter((upload) => upload.object === object)
      expect([object, again.length > 1, again.at(-1)?.status]).toEqual([object, true, 200])
    }
    proxy.loses = () => false
    await restic.checkAll()
    expect(await restic.snapshots()).toHaveLength(1)
  })
})

describe('a credential revoked in mid-backup', () => {
  it('stops restic; another one finishes, and nothing half is there', async () => {
    await server.create('revoked')
    const { restic, credential } = await byProxy('revoked', 'append')
    await restic.must('init')
    const before = proxy.acknowledged.size
    const stopped = restic.isRefused(401, 'backup', source, '--limit-upload', '3000')
    while (proxy.acknowledged.size < before + 2) await delay(20)
    const revoked = ['repository', 'credential', 'revoke', 'revoked', credential]
    await server.owner.json(...revoked)
    expect(await stopped).toBe(true)
    const { restic: next } = await byProxy('revoked', 'append', restic)
    await next.must('unlock')
    expect(await next.snapshots()).toEqual([])
    await next.must('backup', source)
    await next.checkAll()
    const { repository } = await server.owner.json<{ repository: Repository }>(
      ...['repository', 'show', 'revoked'],
    )
    expect(repository).toMatchObject({ snapshots: 1 })
  })
})
