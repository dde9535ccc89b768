/**
 * The binary of rest-server and ours take turns at one folder, each serving what the other wrote: swapping them, and back.
 * Without REST_SERVER, which names the binary, tools/listed-skips.ts says what is not shown here.
 */
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { differences, digestTree } from '../../tools/demo/compare.ts'
import type { Restic } from '../../tools/demo/restic.ts'
import {
  type RawAnswer,
  type RawRequest,
  startRestServer,
  stopAll,
} from '../repositories/rest-server-process.ts'
import { restServerBinary, startOriginal } from './other-rest-server.ts'
import { freePort, newFolder, removeFolder, resticFor, writeSource } from './restic-places.ts'

const folder = newFolder()
const source = writeSource(join(folder, 'source'), 6)
afterEach(stopAll)
afterAll(() => removeFolder(folder))

const starters = { 'rest-server': startOriginal, hearthold: startRestServer }
type Server = keyof typeof starters

/** Serves the folder with one of the two while the work is done. */
const served = async (
  server: Server,
  flags: readonly string[],
  work: () => Promise<void>,
): Promise<void> => {
  const started = await starters[server](flags)
  await work()
  expect(await started.stop()).toBe(0)
}

const expectWhole = async (restic: Restic, name: string): Promise<void> => {
  await restic.checkAll()
  const target = join(folder, name)
  await restic.must('restore', 'latest', '--target', target)
  const [before, after] = [await digestTree(source), await digestTree(join(target, source))]
  expect(differences(before.tree, after.tree)).toEqual([])
}

/** Modes of all files and folders, and no file that belongs to no repository. */
const layoutOf = (path: string): string[] => {
  const entries = readdirSync(path, { recursive: true, withFileTypes: true })
  const kinds = entries.map((entry) => {
    const mode = statSync(join(entry.parentPath, entry.name)).mode & 0o777
    const below = entry.parentPath.slice(path.length).replace(/[0-9a-f]{2}$/, 'ab')
    const name = entry.name.replace(/^[0-9a-f]{2}$/, 'ab').replace(/^[0-9a-f]{64}$/, 'id')
    return `${entry.isDirectory() ? 'folder' : 'file'} ${below}/${name} ${mode.toString(8)}`
  })
  return [...new Set(kinds)].sort()
}

const orders: readonly (readonly [Server, Server])[] = [
  ['rest-server', 'hearthold'],
  ['hearthold', 'rest-server'],
]

describe.skipIf(restServerBinary === undefined)('rest-server itself', () => {
  test.each(orders)('what %s wrote is served by %s, and by the first again', async (one, other) => {
    const data = join(folder, `by-${one}`)
    mkdirSync(data)
    const address = `127.0.0.1:${await freePort()}`
    const flags = ['--path', data, '--no-auth', '--listen', address]
    const restic = resticFor(`${data}-restic`, `rest:http://${address}/anna/laptop/`)
    await served(one, flags, async () => {
      await restic.must('init')
      await restic.must('backup', source)
    })
    const layout = layoutOf(data)
    await served(other, flags, async () => {
      await expectWhole(restic, `${one}-by-${other}`)
      writeFileSync(join(source, 'letters', `new by ${other}`), other.repeat(9000))
      await restic.must('backup', source)
      await restic.must('forget', '--keep-last', '1', '--prune', '--max-unused', '0')
      await expectWhole(restic, `${one}-then-${other}`)
    })
    // The same folders, files and modes as the first makes.
    expect(layoutOf(data)).toEqual(layout)
    await served(one, flags, async () => {
      expect(await restic.snapshots()).toHaveLength(1)
      await expectWhole(restic, `${one}-again`)
      await restic.must('backup', source)
      await restic.checkAll()
    })
  })

  test('serves a folder whose list was written down, and what it changes there is seen again', async () => {
    const data = join(folder, 'list')
    mkdirSync(data)
    const flags = ['--path', data, '--no-auth', '--listen', `127.0.0.1:${await freePort()}`]
    const sizes = new Map<string, number>()
    type Ask = (input: RawRequest) => Promise<RawAnswer>
    const store = async (ask: Ask, count: number): Promise<void> => {
      for (let made = 0; made < count; made++) {
        const body = randomBytes(1 + (made % 900))
        const id = createHash('sha256').update(body).digest('hex')
        const { status } = await ask({ method: 'POST', path: `/r/data/${id}`, body })
        expect(status).toBe(200)
        sizes.set(id, body.length)
      }
    }
    const expectList = async (ask: Ask): Promise<void> => {
      const headers = { accept: 'application/vnd.x.restic.rest.v2' }
      const { body } = await ask({ method: 'GET', path: '/r/data/', headers })
      const listed = JSON.parse(body.toString()) as { name: string; size: number }[]
      expect(new Map(listed.map(({ name, size }) => [name, size]))).toEqual(sizes)
    }
    const run = async (server: Server, work: (ask: Ask) => Promise<void>): Promise<void> => {
      const started = await starters[server](flags)
      await expectList(started.ask).catch((error: unknown) => {
        if (sizes.size > 0) throw error
      })
      await work(started.ask)
      await expectList(started.ask)
      expect(await started.stop()).toBe(0)
    }
    await run('hearthold', async (ask) => {
      await ask({ method: 'POST', path: '/r/?create=true' })
      await store(ask, 1_010)
      // Old enough to be believed.
      await expectList(ask)
      await wait(2_300)
    })
    expect(existsSync(join(data, 'r', '.hearthold-list'))).toBe(true)
    await run('rest-server', async (ask) => {
      await store(ask, 20)
      for (const id of [...sizes.keys()].slice(0, 20)) {
        expect((await ask({ method: 'DELETE', path: `/r/data/${id}` })).status).toBe(200)
        sizes.delete(id)
      }
    })
    await run('hearthold', (ask) => store(ask, 5))
    await run('hearthold', () => Promise.resolve())
    await run('rest-server', () => Promise.resolve())
  }, 120_000)

  test.each(orders)(
    'users of %s are users of %s; append-only is that of both',
    async (one, other) => {
      const data = join(folder, `users-${one}`)
      mkdirSync(data)
      // SHA-1 of "secret", as `htpasswd -s` writes it.
      writeFileSync(join(data, '.htpasswd'), 'anna:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n', {
        mode: 0o600,
      })
      const address = `127.0.0.1:${await freePort()}`
      const flags = ['--path', data, '--private-repos', '--append-only', '--listen', address]
      const own = resticFor(`${data}-restic`, `rest:http://anna:secret@${address}/anna/`)
      const others = resticFor(`${data}-bert`, `rest:http://anna:secret@${address}/bert/`)
      await served(one, flags, async () => {
        await own.must('init')
        await own.must('backup', source)
      })
      await served(other, flags, async () => {
        await own.must('backup', source)
        expect(await others.isRefused(401, 'init')).toBe(true)
        expect(await own.isRefused(403, 'forget', '--keep-last', '1')).toBe(true)
        expect(await own.snapshots()).toHaveLength(2)
      })
      await served(one, flags, () => expectWhole(own, `users-${one}-again`))
    },
  )
})
