/**
 * Run under strace by syscall-order.test.ts: stores one uploaded object and two small ones in the folder given, and says
 * so on standard output each time the store has answered.
 */
import { writeSync } from 'node:fs'
import { Readable } from 'node:stream'
import { openObjectStore } from '../../apps/server/src/platform/objects/index.ts'

const [folder] = process.argv.slice(2)
if (folder === undefined) throw new Error('usage: store-objects.ts FOLDER')

const store = await openObjectStore({ folder })
const upload = { upload: 'a'.repeat(32), object: '1'.repeat(32), sizeBytes: 300_000 }
store.uploads.begin(upload)
await store.uploads.write(
  upload,
  0,
  Readable.from([Buffer.alloc(300_000, 1)], { objectMode: false }),
)
writeSync(1, 'answered: upload\n')
await store.putMany(
  ['2', '3'].map((digit) => ({ id: digit.repeat(32), bytes: Buffer.alloc(100, digit) })),
)
writeSync(1, 'answered: small\n')
await store.close()
