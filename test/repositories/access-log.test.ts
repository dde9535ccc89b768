/** The access log in Apache's format: every request, a file that can be rotated, and nothing secret in it. */
import { readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { listRepositories } from '@hearthold/contract'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { authorizationOf, House, type Key, newObject } from './repository-house.ts'

let house: House
let key: Key
let file: string
beforeAll(async () => {
  house = await House.open()
  file = join(house.instance.folder, 'logs', 'access.log')
  await house.restart(['--access-log', file, '--access-log-format', 'combined'])
  key = await house.key(await house.create('backup'), 'append')
})
afterAll(() => house.close())

const linesWith = async (count: number, path: string): Promise<string[]> => {
  const lines = () =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.includes(path))
  await expect.poll(() => lines().length).toBe(count)
  return lines()
}

it('has a line of each request, with user, status and size', async () => {
  const object = newObject('data', 777)
  await house.put(key, object)
  await house.ask(key, 'GET', `data/${object.id}?token=secretquery`, {
    headers: { 'user-agent': 'restic "0.18"', referer: 'http://localhost/secretpage' },
  })
  await house.ask({ ...key, secret: 'wrongsecret' }, 'HEAD', 'config')
  const [put, get] = await linesWith(2, object.id)
  const stamp = '\\[\\d\\d/[A-Z][a-z]{2}/\\d{4}:\\d\\d:\\d\\d:\\d\\d [+-]\\d{4}\\]'
  expect(put).toMatch(
    new RegExp(
      `^127\\.0\\.0\\.1 - ${key.name} ${stamp} "POST ${key.path}data/${object.id} HTTP/1\\.1" 200 0 "" ""$`,
    ),
  )
  expect(get).toMatch(
    new RegExp(
      `"GET ${key.path}data/${object.id} HTTP/1\\.1" 200 777 "" "restic \\\\"0\\.18\\\\""$`,
    ),
  )
  const [head] = await linesWith(1, 'config')
  expect(head).toMatch(/ - - \[.*" 401 0 "" ""$/)
  await house.call(listRepositories, {})
  const [listed] = await linesWith(1, 'GET /api/repositories')
  expect(listed).toMatch(new RegExp(` - ${house.member.account} .* 200 [1-9]\\d* "" "test"$`))
})

it('holds no secret, and goes on in a new file after a rotation', async () => {
  const text = readFileSync(file, 'utf8')
  for (const secret of [key.secret, house.member.token, 'secretquery', 'secretpage', 'wrongsecret'])
    expect(text).not.toContain(secret)
  expect(text).not.toContain(authorizationOf(key).slice(6))
  renameSync(file, `${file}.1`)
  await house.instance.app.reload()
  await house.ask(key, 'GET', 'keys/')
  await expect.poll(() => readFileSync(file, 'utf8')).toContain(`${key.path}keys/`)
  expect(readFileSync(`${file}.1`, 'utf8')).toBe(text)
})
