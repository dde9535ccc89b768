import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { execFileSync } from 'node:child_process'
import { createCipheriv, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { DemoDevice, DemoServer } from '../tools/demo/instance.ts'
import { RclonePeer } from './peers/rclone.ts'
import { type Figures, figuresOf, report } from './peers/statistics.ts'

type Workload = {
  readonly name: string
  readonly make: (folder: string) => Promise<void>
  readonly bar: number
}

const mebibyte = 1024 * 1024

/** Bytes that no compression or deduplication can shorten, made faster than a disk takes them. */
const writeRandomFile = async (path: string, sizeBytes: number): Promise<void> => {
  const cipher = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16))
  const zeros = Buffer.alloc(mebibyte)
  const file = createWriteStream(path)
  for (let left = sizeBytes; left > 0; left -= mebibyte) {
    if (!file.write(cipher.update(zeros.subarray(0, Math.min(left, mebibyte)))))
      await once(file, 'drain')
  }
  file.end()
  await once(file, 'close')
}

const writeSmallFiles = async (folder: string, count: number): Promise<void> => {
  for (let i = 0; i < count; i++) {
    const place = join(folder, `folder ${Math.floor(i / 500)}`)
    if (i % 500 === 0) await mkdir(place)
    await writeFile(join(place, `note ${i}.txt`), randomBytes(4096))
  }
}

const workloads = (sizeBytes: number, count: number): Workload[] => [
  {
    name: `one file of ${sizeBytes / mebibyte} MiB`,
    make: (folder) => writeRandomFile(join(folder, 'large.bin'), sizeBytes),
    bar: 1.5,
  },
  { name: `${count} files of 4 KiB`, make: (folder) => writeSmallFiles(folder, count), bar: 2 },
]

const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1000
}

const enter = async (
  server: DemoServer,
  folder: string,
): Promise<{ device: DemoDevice; share: string }> => {
  const device = new DemoDevice(server, join(folder, 'home'), join(folder, 'drawer'))
  await device.json(
    'set-up',
    ...['--token-file', server.setUpTokenFile, '--instance-name', 'Bench', '--name', 'bench'],
    ...['--password-file', await device.writeSecret('password', randomBytes(18).toString('hex'))],
    ...[
      '--recovery-key-out',
      device.secret('recovery-key'),
      '--totp-secret-out',
      device.secret('totp-secret'),
    ],
  )
  const { log } = await device.json<{ log: string }>('share', 'create', 'Bench')
  return { device, share: log }
}

const peakMemoryBytes = async (pid: number): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024
}

/** One act must not pay for what another left unwritten: each begins with a clean page cache. */
const settle = (): void => void execFileSync('sync')

type Times = { readonly put: number[]; readonly get: number[] }

const oursOnce = async (
  device: DemoDevice,
  share: string,
  source: string,
  back: string,
  times: Times,
): Promise<void> => {
  const target = `${share}:/round-${times.put.length}`
  await device.json('mkdir', target)
  settle()
  times.put.push(await seconds(() => device.json('put', source, target)))
  settle()
  times.get.push(await seconds(() => device.json('get', `${target}/source`, back)))
  await rm(back, { recursive: true })
  await device.json('rm', target, '--recursive', '--forever')
}

const peerOnce = async (
  peer: RclonePeer,
  source: string,
  back: string,
  times: Times,
): Promise<void> => {
  const target = `sealed:round-${times.put.length}`
  settle()
  times.put.push(peer.copy(source, target))
  settle()
  times.get.push(peer.copy(target, back))
  await rm(back, { recursive: true })
  peer.remove(target)
}

const ratio = (peer: Figures, ours: Figures): number =>
  Math.round((peer.median / ours.median) * 100) / 100

const measure = async (workload: Workload, folder: string, rounds: number): Promise<void> => {
  const source = join(folder, 'source')
  const back = join(folder, 'back')
  await mkdir(source)
  await workload.make(source)
  const server = await DemoServer.start(folder)
  const peer = RclonePeer.version() ? await RclonePeer.start(folder, server.port + 1) : undefined
  const ours: Times = { put: [], get: [] }
  const theirs: Times = { put: [], get: [] }
  try {
    const { device, share } = await enter(server, folder)
    for (let round = 0; round < rounds; round++) {
      // Who goes first changes: memory that the other has just given back is quicker to get.
      if (peer && round % 2 === 1) await peerOnce(peer, source, back, theirs)
      await oursOnce(device, share, source, back, ours)
      if (peer && round % 2 === 0) await peerOnce(peer, source, back, theirs)
    }
    const memory = await peakMemoryBytes(server.pid)
    for (const act of ['put', 'get'] as const) {
      const own = figuresOf(ours[act])
      const other = peer ? figuresOf(theirs[act]) : undefined
      report({
        area: 'files',
        workload: workload.name,
        act,
        seconds: own,
        rcloneCryptSeconds: other ?? 'rclone is not installed: the bar stays unproven',
        ratio: other ? ratio(other, own) : null,
        bar: workload.bar,
        fsync:
          'ours: every object before it is acknowledged; rclone serve webdav: none; sync before each act',
        serverPeakMiB: Math.round(memory / mebibyte),
      })
    }
  } finally {
    peer?.stop()
    await server.stop()
  }
}

/** Sealed `put` and `get` by the real command line against rclone's crypt remote over its WebDAV server. */
export const run = async (args: string[]): Promise<void> => {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '3' },
      'size-mib': { type: 'string', default: '1024' },
      files: { type: 'string', default: '10000' },
      only: { type: 'string' },
    },
  })
  report({
    area: 'files',
    peer: RclonePeer.version() ?? 'none',
    node: process.version,
    cores: navigator.hardwareConcurrency,
  })
  const all = workloads(Number(values['size-mib']) * mebibyte, Number(values.files))
  for (const workload of all.filter(({ name }) => !values.only || name.includes(values.only))) {
    const folder = await mkdtemp(join(tmpdir(), 'hearthold-bench-'))
    try {
      await measure(workload, folder, Number(values.rounds))
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
}
