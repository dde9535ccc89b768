/** Repositories by the real command line against the real server; what restic would send is sent by hand. */
import { randomBytes } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Repository, RepositoryCredential } from '@hearthold/contract'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DemoDevice } from '../../tools/demo/instance.ts'
import { fails, type House, setUpHost, signUpGuest, startHouse } from './house.ts'
import { ResticCaller } from './restic-caller.ts'

let house: House
let ada: DemoDevice
let bea: DemoDevice
beforeAll(async () => {
  house = await startHouse()
  ada = await setUpHost(house, 'Ada')
  bea = await signUpGuest(house, ada, 'bea')
})
afterAll(() => house.stop())

type Made = { repository: Repository; address: string }
type Listed = { repositories: Repository[]; alarms: number }
type Credential = { credential: RepositoryCredential; file: string }
type Moved = { objects: number; bytes: number }

const some = (sizeBytes = 2000): Uint8Array<ArrayBuffer> => new Uint8Array(randomBytes(sizeBytes))

/** A credential in a new file. */
const credentialOf = async (
  device: DemoDevice,
  repository: string,
  scope: string,
  ...more: string[]
): Promise<ResticCaller & { file: string }> => {
  const file = join(house.folder, `${repository}-${scope}-${randomBytes(4).toString('hex')}`)
  const proof = ['--password-file', device.secret('password')]
  const words = ['repository', 'credential', 'create', repository]
  await device.json<Credential>(...words, '--scope', scope, '--out', file, ...proof, ...more)
  return Object.assign(ResticCaller.ofFile(file), { file })
}

describe('a repository', () => {
  it('is made with its settings, listed and shown', async () => {
    const none = await bea.run('repository')
    expect(none).toMatchObject({ code: 0, stdout: expect.stringMatching(/^No repositories yet/) })
    const { repository, address } = await bea.json<Made>(
      ...['repository', 'create', 'laptop', '--quota', '1MiB', '--freeze-days', '9'],
      ...['--alarm-after', 'never'],
    )
    expect(repository).toMatchObject({
      name: 'laptop',
      quotaBytes: 2 ** 20,
      freezeDays: 9,
      alarmAfterHours: null,
      storage: null,
    })
    expect(address).toBe(`${house.server.url}/repositories/${repository.account}/laptop/`)
    const listed = await bea.json<Listed>('repository', 'list')
    expect(listed.repositories.map(({ repository: id }) => id)).toEqual([repository.repository])
    expect((await bea.run('repository')).stdout).toMatch(
      /^Name +Size +Newest snapshot +Bin +Alarms +Id\nlaptop +0 B +none yet/,
    )
    for (const named of ['laptop', repository.repository]) {
      const shown = await bea.run('repository', 'show', named)
      expect(shown.stdout).toMatch(/^Name +laptop$/m)
      expect(shown.stdout).toMatch(/^Freeze +9 days in the bin/m)
      expect(shown.stdout).toContain(address)
    }
  })

  it('is refused where the name is taken or cannot be, or the settings mean nothing', async () => {
    expect((await fails(bea, 'repository', 'create', 'laptop')).error.code).toBe(
      'repository_exists',
    )
    for (const name of ['data', 'A', 'a/b', '..'])
      expect([name, (await fails(bea, 'repository', 'create', name)).exit]).toEqual([name, 1])
    for (const flags of [
      ['--quota', 'much'],
      ['--freeze-days', '0'],
      ['--alarm-after', 'x'],
    ])
      expect((await fails(bea, 'repository', 'create', 'other', ...flags)).exit).toBe(2)
    const nowhere = await fails(bea, 'repository', 'create', 'other', '--storage', 'bucket')
    expect(nowhere).toMatchObject({ exit: 4, error: { message: 'There is no such storage.' } })
    expect((await fails(bea, 'repository', 'set', 'laptop')).exit).toBe(2)
    expect((await fails(bea, 'repository', 'show', 'nothing')).exit).toBe(4)
    expect((await fails(bea, 'repository', 'show', '0'.repeat(32))).exit).toBe(4)
  })

  it('is set anew; a shorter freeze asks who it is', async () => {
    const longer = await bea.json<Made>('repository', 'set', 'laptop', '--freeze-days', '12')
    expect(longer.repository.freezeDays).toBe(12)
    const proof = ['--password-file', bea.secret('password')]
    const words = ['repository', 'set', 'laptop', '--freeze-days', '10', '--quota', 'none']
    const { repository } = await bea.json<Made>(...words, '--alarm-after', '48', ...proof)
    expect(repository).toMatchObject({ freezeDays: 10, quotaBytes: null, alarmAfterHours: 48 })
  })

  it('of somebody else is not there, except for hosts', async () => {
    await ada.json('repository', 'create', 'laptop')
    const [own] = (await bea.json<Listed>('repository')).repositories
    const id = own?.repository ?? ''
    expect((await ada.json<Made>('repository', 'show', id)).repository.account).toBe(own?.account)
    const [hosts] = (await ada.json<Listed>('repository')).repositories
    expect((await fails(bea, 'repository', 'show', hosts?.repository ?? '')).exit).toBe(4)
    const all = await ada.json<Listed>('repository', 'list', '--all')
    expect(all.repositories.map(({ name }) => name)).toEqual(['laptop', 'laptop'])
    expect((await ada.run('repository', 'list', '--all')).stdout).toMatch(
      /^Name +Member[^]*^laptop +bea /m,
    )
    expect((await fails(bea, 'repository', 'list', '--all')).error.code).toBe('forbidden')
    const purge = ['repository', 'purge', 'laptop', '--confirm', 'laptop']
    expect(await fails(ada, ...purge)).toMatchObject({
      exit: 2,
      error: { message: 'Several members have a repository of this name.' },
    })
  })
})

describe('a credential', () => {
  it('is a private file for restic, with the line that is next', async () => {
    const file = join(house.folder, "restic bea's")
    const words = ['repository', 'credential', 'create', 'laptop', '--label', 'Laptop of Bea']
    const run = await bea.run(...words, '--out', file)
    expect(run.code).toBe(0)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const address = readFileSync(file, 'utf8')
    const { host } = new URL(house.server.url)
    expect(address).toMatch(
      new RegExp(
        `^rest:http://laptopofbea-[a-z2-7]{8}:[a-z2-7]{26}@${host}/repositories/[0-9a-f]{32}/laptop/\n$`,
      ),
    )
    const secret = /:([a-z2-7]{26})@/.exec(address)?.[1] ?? 'none'
    expect(run.stdout + run.stderr).not.toContain(secret)
    const quoted = String.raw`'${join(house.folder, String.raw`restic bea'\''s`)}'`
    expect(run.stdout).toContain(`restic --repository-file ${quoted} init\n`)
    expect((await fails(bea, ...words, '--out', file)).exit).toBe(5)
    const neither = await fails(bea, ...words)
    expect(neither.exit).toBe(2)
    const shown = await bea.run(...words, '--show')
    expect(shown.stdout).toMatch(/^rest:http:\/\/laptopofbea-[a-z2-7]{8}:[a-z2-7]{26}@/)
    const listed = await bea.run('repository', 'credential', 'list', 'laptop')
    expect(listed.stdout).toMatch(/^laptopofbea-[a-z2-7]{8} +Laptop of Bea +append /m)
    expect(listed.stdout).not.toMatch(/[a-z2-7]{26}/)
  })

  it('does what its scope says; maintain asks who it is', async () => {
    const append = await credentialOf(bea, 'laptop', 'append')
    const read = await credentialOf(bea, 'laptop', 'read', '--valid-days', '7')
    expect(await append.init()).toEqual([200, 200])
    const { id, status } = await append.put('snapshots', some())
    expect(status).toBe(200)
    expect(await read.names('snapshots')).toEqual([id])
    expect((await read.put('data', some())).status).toBe(403)
    expect(await append.remove('snapshots', id)).toBe(403)
    const maintain = await credentialOf(bea, 'laptop', 'maintain')
    expect(await maintain.remove('snapshots', id)).toBe(200)
    expect(await read.names('snapshots')).toEqual([])
    const { credentials } = await bea.json<{ credentials: RepositoryCredential[] }>(
      ...['repository', 'credential', 'list', 'laptop'],
    )
    const of = (caller: ResticCaller) =>
      credentials.find(({ credential }) => credential === caller.user)
    expect(of(append)).toMatchObject({ scope: 'append', expiresAt: null, refusedDeletions: 1 })
    expect(of(maintain)).toMatchObject({ scope: 'maintain', deletions: 1 })
    expect(of(read)?.expiresAt).toBeGreaterThan(Date.now() + 6 * 86_400_000)
  })

  it('shuts its machine out once it is revoked', async () => {
    const caller = await credentialOf(bea, 'laptop', 'append')
    expect(await caller.status('GET', 'config')).toBe(200)
    const words = ['repository', 'credential', 'revoke', 'laptop']
    expect(await bea.run(...words, caller.user)).toEqual({
      code: 0,
      stdout: `${caller.user} lets nobody in any more.\n`,
      stderr: '',
    })
    expect(await caller.status('GET', 'config')).toBe(401)
    expect((await fails(bea, ...words, caller.user)).exit).toBe(4)
    expect((await fails(bea, ...words, 'no credential')).exit).toBe(4)
  })
})

describe('the bin', () => {
  it('holds what was deleted, and gives back what was deleted since a time', async () => {
    await bea.json('repository', 'create', 'bin')
    const caller = await credentialOf(bea, 'bin', 'maintain')
    await caller.init()
    expect((await bea.run('repository', 'bin', 'bin')).stdout).toBe('The bin is empty.\n')
    const { id } = await caller.put('snapshots', some())
    const { id: pack } = await caller.put('data', some(50_000))
    await caller.remove('snapshots', id)
    await caller.remove('data', pack)
    expect(await caller.names('data')).toEqual([])
    const bin = await bea.run('repository', 'bin', 'bin')
    expect(bin.stdout).toMatch(/^Deleted +Kept until +Snapshots +Objects +Size\n/)
    expect(bin.stdout).toMatch(/^2 objects \(50\.8 KiB\) in all\./m)
    const words = ['repository', 'bin', 'restore', 'bin']
    expect((await fails(bea, ...words, '--since', 'then')).exit).toBe(2)
    expect(await bea.json<Moved>(...words, '--since', '1h')).toMatchObject({
      objects: 2,
      bytes: 52_000,
    })
    expect([await caller.names('snapshots'), await caller.names('data')]).toEqual([[id], [pack]])
    expect((await bea.run(...words)).stdout).toBe('There was nothing to bring back.\n')
  })

  it('takes a whole repository, and gives it back', async () => {
    const caller = await credentialOf(bea, 'bin', 'append')
    const proof = ['--password-file', bea.secret('password')]
    const removed = await bea.run('repository', 'remove', 'bin', ...proof)
    expect(removed.stdout).toContain('hearthold repository undelete bin')
    expect(removed.stdout).toContain(' at the earliest; until then it counts against your quota')
    expect(await caller.status('GET', 'config')).toBeGreaterThanOrEqual(400)
    const again = await fails(bea, 'repository', 'remove', 'bin', ...proof)
    expect(again.error.code).toBe('repository_removed')
    expect((await bea.run('repository')).stdout).toMatch(/^bin .* in the bin /m)
    expect((await bea.run('repository', 'show', 'bin')).stdout).toMatch(
      /^State +in the bin since .* at the earliest; until then it counts against the quota$/m,
    )
    const back = await bea.run('repository', 'undelete', 'bin')
    expect(back.stdout).toBe('bin is back, and its credentials work again.\n')
    expect(await caller.status('GET', 'config')).toBe(200)
  })

  it('is emptied by a host alone, who types the name and proves both factors', async () => {
    const caller = await credentialOf(bea, 'bin', 'maintain')
    for (const name of await caller.names('data')) await caller.remove('data', name)
    const proof = [
      ...['--password-file', ada.secret('password')],
      ...['--totp-secret-file', ada.secret('totp-secret')],
    ]
    const words = ['repository', 'purge', 'bin']
    expect((await fails(bea, ...words, '--confirm', 'bin')).error.code).toBe('forbidden')
    expect((await fails(ada, ...words)).exit).toBe(2)
    const wrong = await fails(ada, ...words, '--confirm', 'laptop', ...proof)
    expect(wrong.error.message).toBe('That is not its name: nothing was destroyed.')
    const halfProved = ['--confirm', 'bin', '--password-file', ada.secret('password')]
    expect((await fails(ada, ...words, ...halfProved)).exit).toBe(3)
    const done = await ada.json<Moved>(...words, '--confirm', 'bin', ...proof)
    expect(done).toMatchObject({ objects: 1, bytes: 50_000 })
    expect((await bea.run('repository', 'bin', 'bin')).stdout).toBe('The bin is empty.\n')
  })
})

describe('alarms', () => {
  it('are shown, told by the exit code of --check, and ended', async () => {
    await bea.json('repository', 'create', 'burst')
    expect((await bea.run('repository', 'list', '--check')).code).toBe(0)
    const caller = await credentialOf(bea, 'burst', 'maintain')
    await caller.init()
    for (let made = 0; made < 6; made++) {
      const { id } = await caller.put('snapshots', some(100))
      await caller.remove('snapshots', id)
    }
    const checked = await bea.run('repository', 'list', '--check')
    expect(checked.code).toBe(1)
    expect(checked.stdout).toMatch(/^burst .* burst /m)
    expect(checked.stdout).toMatch(/^burst: Much was deleted at once, since /m)
    expect((await bea.run('repository', 'list')).code).toBe(0)
    expect(await bea.json<Listed>('repository')).toMatchObject({ alarms: 1 })
    const { repository } = await bea.json<Made>('repository', 'set', 'burst', '--seen')
    expect(repository.alarms).toEqual([])
    expect((await bea.run('repository', '--check')).code).toBe(0)
  })

  it('begin where a scrub finds what is not what its name says', async () => {
    const caller = await credentialOf(bea, 'burst', 'append')
    const bytes = some()
    const { id } = await caller.put('data', bytes)
    const { repository } = await bea.json<Made>('repository', 'show', 'burst')
    const place = join(house.server.dataFolder, ...repository.path.split('/').slice(1, -1))
    const file = join(place, 'data', id.slice(0, 2), id)
    expect(readFileSync(file).equals(bytes)).toBe(true)
    writeFileSync(file, some())
    expect((await bea.run('repository', 'scrub', 'burst')).stdout).toContain('reads every object')
    const found = async () => (await bea.json<Made>('repository', 'show', 'burst')).repository
    await expect
      .poll(async () => (await found()).scrub.damaged, { timeout: 60_000 })
      .toEqual([`data/${id}`])
    expect((await found()).alarms.map(({ kind }) => kind)).toEqual(['damaged'])
    const shown = await bea.run('repository', 'show', 'burst')
    expect(shown.stdout).toContain(`Objects are damaged, since`)
    expect(shown.stdout).toContain(`  data/${id}\n`)
    // The machine that has the bytes mends it.
    expect((await caller.put('data', bytes)).status).toBe(200)
    expect(readFileSync(file).equals(bytes)).toBe(true)
  })
})
