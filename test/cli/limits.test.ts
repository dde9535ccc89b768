/** What ends a transfer by the real command line without anybody's fault: a quota, a server that is not there. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DemoDevice } from '../../tools/demo/instance.ts'
import {
  begin,
  fails,
  readInHome,
  setUpHost,
  signUpGuest,
  startHouse,
  type House,
} from './house.ts'

let house: House
let ada: DemoDevice
let bea: DemoDevice
beforeAll(async () => {
  house = await startHouse()
  ada = await setUpHost(house, 'ada')
  bea = await signUpGuest(house, ada, 'bea')
})
afterAll(() => house.stop())

const at = (...names: string[]) => join(house.folder, ...names)

describe('limits', () => {
  it('say that the quota is used up, and keep what fitted', async () => {
    const me = await bea.json<{ account: string }>('whoami')
    const answer = await fetch(`${house.server.url}/api/members/${me.account}`, {
      method: 'PATCH',
      headers: {
        authorization: `Bearer ${readInHome(ada, 'token')}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ quotaBytes: 3 * 1024 * 1024 }),
    })
    expect(answer.status).toBe(200)
    await bea.json('share', 'create', 'Small')
    mkdirSync(at('much'))
    writeFileSync(at('much', 'fits'), randomBytes(1000))
    await bea.json('put', at('much'), 'Small:/')
    writeFileSync(at('much', 'huge'), randomBytes(5 * 1024 * 1024))
    const full = await fails(bea, 'put', at('much'), 'Small:/')
    expect([full.exit, full.error.code]).toEqual([1, 'over_quota'])
    expect(full.error.advice).toContain(
      'A repository that was removed counts until it is destroyed',
    )
    expect((await bea.json<{ files: number }>('get', 'Small:/much', at('much-back'))).files).toBe(1)
  })

  it('are explained where there is no server', async () => {
    const gone = await fails(ada, 'ls', 'Docs:/', '--server', 'http://127.0.0.1:9')
    expect(gone.exit).toBe(3)
    const home = ada.home
    const nowhere = await begin(
      ada,
      ['whoami', '--json', '--token-file', join(home, 'home.json')],
      { server: 'http://127.0.0.1:9' },
    ).ended
    expect(nowhere.code).toBe(6)
    expect(JSON.parse(nowhere.stdout)).toMatchObject({ error: { code: 'refused' } })
  })
})
