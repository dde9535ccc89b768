/**
 * A full disk, a real one: a file system in memory of its own, which a user name space lets anybody mount. A loop
 * starts the server anew whenever it dies.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import {
  createInvitation,
  createUpload,
  type Endpoint,
  getObject,
  getSession,
  listLogs,
  putBundle,
  startRecoverySignIn,
} from '@hearthold/contract'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestShare } from '../../apps/server/src/platform/logs/test-logs.ts'
import { bundleOf } from '../access/foreign-ids.ts'
import { seededRandom } from './seeded-random.ts'
import { checkAll } from './server-check.ts'
import type { Ledger, ObjectLedger, ShareLedger } from './server-ledger.ts'
import { found, settleAppend, settleBundle } from './server-load.ts'
import { fresh, type Input, ServerProcess } from './server-process.ts'

/** What the object store leaves free is 128 MiB; this is a little more. */
const diskBytes = 150 * 2 ** 20
const script = `mount -t tmpfs -o mode=700,size=${diskBytes} tmpfs "$HEARTHOLD_DATA" || exit 1
while :; do "$@"; sleep 0.1; done`
const wrap = ['unshare', '--map-root-user', '--mount', 'sh', '-c', script, 'sh']

const random = seededRandom(5)
let folder: string
let server: ServerProcess
let ledger: Ledger
let share: ShareLedger
let objects: ObjectLedger

const ballast = 'ballast'
/** Taken from the beginning, so that as much is free once it goes, however much the database has grown by then. */
const cushionBytes = 2 * 2 ** 20

/** Writes until nothing more fits. */
const fillDisk = (): void => {
  const file = openSync(server.file(ballast), 'a')
  for (let size = 2 ** 20; size >= 1;)
    try {
      writeSync(file, Buffer.alloc(size))
    } catch {
      size >>= 4
    }
  closeSync(file)
}

/** The server itself, below the loop. */
const serverPid = (): number =>
  Number(
    readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8').trim().split(' ')[0],
  )

const codeOf = async (endpoint: Endpoint, input: Input): Promise<string> =>
  (await server.ask(endpoint, { token: ledger.writers[0]!.token, ...input })).code

const putObject = async (sizeBytes: number): Promise<string> => {
  const object = { id: fresh(), bytes: new Uint8Array(random.bytes(sizeBytes)) }
  const code = await codeOf(putBundle, { body: bundleOf(object) })
  if (code === '') objects.stored.set(object.id, object.bytes)
  return code
}

const appendFolder = async (): Promise<string> => {
  const own = new Map(share.owner.device.own)
  share.open = share.share.append([
    await share.share.folder({ body: new Uint8Array(random.bytes(30_000)) }),
  ])
  try {
    await settleAppend(server, share)
    return ''
  } catch (error) {
    assert(error instanceof Error)
    share.open = undefined
    share.owner.device.own.clear()
    for (const [log, head] of own) share.owner.device.own.set(log, head)
    return /(\w+)$/.exec(error.message)![1]!
  }
}

/** Without user name spaces, tools/listed-skips.ts says what is not shown here. */
const mayMount =
  spawnSync('unshare', ['--map-root-user', '--mount', 'sh', '-c', 'mount -t tmpfs tmpfs /mnt'])
    .status === 0

describe.skipIf(!mayMount)('a disk that fills up', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hearthold-full-'))
    mkdirSync(join(folder, 'data'), { mode: 0o700 })
    server = await ServerProcess.create(join(folder, 'data'), wrap)
    await server.start()
    writeFileSync(server.file(ballast), Buffer.alloc(cushionBytes))
    ledger = await found(server, random)
    const owner = ledger.writers[0]!
    share = { owner, share: new TestShare(owner), entries: new Map(), open: undefined }
    objects = { owner, stored: new Map(), open: [] }
    ledger.rounds.push({ shares: [share], objects: [objects], joins: [] })
    share.open = await share.share.foundingAppend()
    await settleAppend(server, share)
  })
  afterAll(async () => {
    await server.end('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })

  it('refuses objects while there is still room for entries', async () => {
    let code = ''
    for (let sent = 0; code === '' && sent < 60; sent++) code = await putObject(900_000)
    expect(code).toBe('disk_full')
    expect(objects.stored.size).toBeGreaterThan(5)
    const body = { object: fresh(), sizeBytes: 1_000_000 }
    expect(await codeOf(createUpload, { body })).toBe('disk_full')
    for (let more = 0; more < 3; more++) expect(await appendFolder()).toBe('')
  })

  it('and is full then: nothing is acknowledged that is not kept, everything can be read', async () => {
    fillDisk()
    let code = ''
    for (let sent = 0; code === '' && sent < 400; sent++) code = await appendFolder()
    expect(code).toBe('disk_full')
    expect(await putObject(28)).toBe('disk_full')
    expect(await codeOf(getSession, {})).toBe('')
    expect(await codeOf(listLogs, {})).toBe('')
    const [[object, bytes]] = [...objects.stored] as [[string, Uint8Array]]
    const read = await server.must(getObject, { token: share.owner.token, params: { object } })
    expect(Buffer.compare(read.bytes, bytes)).toBe(0)
    // What must be written down, and cannot be, is refused by the name of the reason.
    const invitation = { role: 'member', uses: 1, validHours: 1 }
    for (let more = 0; more < 40; more++) {
      const answers = [
        await codeOf(createInvitation, { token: ledger.host.token, body: invitation }),
        await codeOf(startRecoverySignIn, { body: { locator: 'ab'.repeat(32) } }),
      ]
      expect(answers.filter((answer) => answer !== '' && answer !== 'disk_full')).toEqual([])
    }
  })

  it('killed while full, it has everything once there is room again, and goes on', async () => {
    process.kill(serverPid(), 'SIGKILL')
    await delay(300)
    rmSync(server.file(ballast))
    await server.ready()
    await checkAll(server, ledger)
    expect(await appendFolder()).toBe('')
    expect(
      await codeOf(createInvitation, {
        token: ledger.host.token,
        body: { role: 'member', uses: 1, validHours: 1 },
      }),
    ).toBe('')
    await settleBundle(server, objects)
    await checkAll(server, ledger)
    expect(server.output).not.toMatch(/request failed|does not list it/)
  })
})
