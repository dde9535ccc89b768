/** /metrics: who may read it, and that its figures are those of the repositories. */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { removeRepositoryCredential } from '@hearthold/contract'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authorizationOf, dayMs, House, type Key, newObject } from './repository-house.ts'

const token = 'a token that is none'.replaceAll(' ', '-')
let house: House
let key: Key
beforeAll(async () => {
  house = await House.open()
  const file = join(house.instance.folder, 'metrics-token')
  writeFileSync(file, `${token}\n`, { mode: 0o600 })
  await house.restart(['--metrics-token-file', file])
  key = await house.key(await house.create('backup'), 'append')
})
afterAll(() => house.close())

const metrics = (authorization?: string) =>
  house.raw('GET', '/metrics', authorization === undefined ? {} : { headers: { authorization } })
const read = async (): Promise<string> => (await metrics(`Bearer ${token}`)).body.toString()

describe('the metrics', () => {
  it('are for hosts and for whoever has the token', async () => {
    const status = async (authorization?: string) => (await metrics(authorization)).status
    expect(await status()).toBe(401)
    expect(await status(`Bearer ${house.member.token}`)).toBe(403)
    expect(await status(`Bearer ${house.host.token}`)).toBe(200)
    expect(await status(`Bearer ${token}`)).toBe(200)
    expect(await status(authorizationOf({ name: 'prometheus', secret: token }))).toBe(200)
    expect(await status(authorizationOf({ name: 'prometheus', secret: 'wrong' }))).toBe(401)
    expect(await status(authorizationOf(key))).toBe(401)
  })

  it('forget a credential that is revoked, also where a request of it ends later', async () => {
    const repository = await house.create('short-lived')
    const gone = await house.key(repository, 'append')
    // More than lies in the buffers of a connection.
    const object = newObject('data', 32 * 2 ** 20)
    expect(await house.put(gone, object)).toBe(200)
    expect(await read()).toContain(`user="${gone.name}"`)
    const asking = house.begin('GET', `${gone.path}data/${object.id}`, {
      authorization: authorizationOf(gone),
    })
    asking.end()
    const [response] = (await once(asking, 'response')) as [IncomingMessage]
    const params = { repository: repository.repository, credential: gone.name }
    await house.call(removeRepositoryCredential, { params })
    expect(await read()).not.toContain(gone.name)
    response.resume()
    await once(response, 'end')
    expect(await read()).not.toContain(gone.name)
  })

  it('tell of objects, bytes, refusals and alarms by name', async () => {
    const object = newObject('data', 1234)
    await house.put(key, object)
    await house.put(key, newObject('snapshots', 66))
    await house.put(key, { ...newObject('data'), id: newObject('data').id })
    await house.fetch(key, object)
    await house.remove(key, object)
    await house.ask({ ...key, secret: 'x' }, 'GET', 'keys/')
    const name = `${house.member.account}/backup`
    const text = await read()
    const labels = (type: string) => `{user="${key.name}",repo="${name}",type="${type}"}`
    for (const line of [
      `rest_server_blob_write_total${labels('data')} 1`,
      `rest_server_blob_write_bytes_total${labels('data')} 1234`,
      `rest_server_blob_read_bytes_total${labels('data')} 1234`,
      `rest_server_blob_write_total${labels('snapshots')} 1`,
      `hearthold_repository_refused_deletions_total{repository="${name}"} 1`,
      `hearthold_repository_failed_verifications_total{repository="${name}"} 1`,
      'hearthold_repository_refused_sign_ins_total 1',
      `hearthold_repository_bytes{repository="${name}"} 1300`,
      `hearthold_repository_objects{repository="${name}"} 2`,
      `hearthold_repository_bin_bytes{repository="${name}"} 0`,
    ])
      expect(text.split('\n')).toContain(line)
    expect(text).not.toContain('hearthold_repository_alarm{')
    house.instance.now += 2 * dayMs
    const later = await read()
    expect(later).toContain(`hearthold_repository_alarm{repository="${name}",kind="overdue"} 1`)
    const age = /newest_snapshot_age_seconds\{[^}]*\} (\d+)/.exec(later)?.[1]
    expect(Number(age)).toBeGreaterThanOrEqual((2 * dayMs) / 1000)
    expect(text).not.toContain(key.secret)
    expect(text).not.toContain(token)
  })
})
