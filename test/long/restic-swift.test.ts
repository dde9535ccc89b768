/** The real restic against the full server, whose repository lies on a real S3 store: OpenStack Swift over TLS. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { lifeOnStorage } from '../clients/restic-on-storage.ts'
import { FullServer, newFolder, removeFolder } from '../clients/restic-places.ts'
import { makeBucket, startSwift, type Swift } from './swift.ts'

const folder = newFolder()
let swift: Swift
let server: FullServer

beforeAll(async () => {
  swift = await startSwift()
  await makeBucket(swift, 'backups')
  const authority = join(folder, 'ca.pem')
  writeFileSync(authority, swift.ca)
  // As a host does for a store with an authority of its own.
  process.env['NODE_EXTRA_CA_CERTS'] = authority
  server = await FullServer.start()
}, 180_000)
afterAll(async () => {
  delete process.env['NODE_EXTRA_CA_CERTS']
  await server?.stop()
  await swift?.stop()
  removeFolder(folder)
})

it('restic lives on Swift', async () => {
  const file = join(folder, 'secret')
  writeFileSync(file, swift.secretKey, { mode: 0o600 })
  await server.owner.json(
    ...['storage', 'create', 'swift', '--s3', swift.endpoint, '--bucket', 'backups'],
    ...['--prefix', 'house', '--access-key', swift.accessKey, '--secret-file', file],
    ...['--password-file', server.owner.secret('password')],
  )
  const life = await lifeOnStorage(server, 'swift', folder, 200)
  expect(life).toMatchObject({
    differences: [],
    forgetRefused: true,
    snapshots: { made: 2, pruned: 1, back: 2 },
  })
  expect(life.binAfterPrune).toBeGreaterThan(2)
  const { backup, check, restore } = life.seconds
  process.stdout.write(
    `Swift, 200 MiB by restic: backup ${backup.toFixed(1)} s, check --read-data ${check.toFixed(1)} s, restore ${restore.toFixed(1)} s\n`,
  )
})
