import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { resticMissing, resticVersion } from '../tools/demo/restic.ts'
import { countOf, UsageError } from './options/usage-error.ts'
import { report } from './peers/statistics.ts'
import {
  type Contender,
  findContenders,
  makeCertificates,
  type Missing,
} from './repositories/contenders.ts'
import { objectSizes, runLists, runObjects } from './repositories/objects.ts'
import { copyRealFiles, countRealFiles } from './repositories/real-files.ts'
import { runRestic } from './repositories/with-restic.ts'

const mebibyte = 2 ** 20

type Settings = {
  readonly contenders: readonly Contender[]
  readonly missing: Missing
  readonly rounds: number
  readonly sizeMib: number
  /** A folder of real files to take instead of copies of this machine's. */
  readonly source: string | undefined
  readonly listed: number
}

type Workload = { readonly name: string; readonly run: () => Promise<void> }

/** Backup, second backup, check of every byte and restore of real files, over one kind of connection. */
const withRestic = async (settings: Settings, isTls: boolean): Promise<void> => {
  if (resticVersion() === undefined) throw new Error(resticMissing)
  const folder = await mkdtemp(join(tmpdir(), 'hearthold-bench-source-'))
  try {
    const source = settings.source ?? join(folder, 'source')
    const { files, bytes, packedBytes } =
      settings.source === undefined
        ? await copyRealFiles(source, settings.sizeMib * mebibyte)
        : await countRealFiles(source)
    const [mib, packedMib] = [bytes, packedBytes].map((count) => Math.round(count / mebibyte))
    const said = `${files} real files, ${mib} MiB, ${packedMib} MiB of them packed already`
    const workload = `restic over ${isTls ? 'TLS' : 'HTTP'}, ${said}`
    const tls = isTls ? makeCertificates(join(folder, 'tls')) : undefined
    await runRestic({ ...settings, workload, source, tls })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const workloadsOf = (settings: Settings): Workload[] => [
  { name: 'restic-http', run: () => withRestic(settings, false) },
  { name: 'restic-tls', run: () => withRestic(settings, true) },
  ...objectSizes.map((size) => ({
    name: `objects-${size.label.replace(' ', '')}`,
    run: () => runObjects(settings, size),
  })),
  { name: 'lists', run: () => runLists(settings, settings.listed) },
]

/** Those that are named, separated by commas; all of them where none is. @throws UsageError for a name that nobody has */
const chosen = (contenders: readonly Contender[], names: string): readonly Contender[] => {
  if (names === '') return contenders
  return names.split(',').map((wanted) => {
    const found = contenders.find(({ name }) => name === wanted)
    if (found) return found
    throw new UsageError(`--servers: some of ${contenders.map(({ name }) => name).join(',')}`)
  })
}

/**
 * The restic protocol side by side: `hearthold rest-server` (whose figures the ratios are of), the full server, rclone
 * and rest-server, on one machine with client and server sharing it; and restic without any server, for what is its own.
 */
export const run = async (args: string[]): Promise<void> => {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '5' },
      only: { type: 'string' },
      'size-mib': { type: 'string', default: '1024' },
      source: { type: 'string' },
      listed: { type: 'string', default: '100000' },
      servers: { type: 'string', default: '' },
    },
  })
  const { contenders, missing } = findContenders()
  const settings = {
    contenders: chosen(contenders, values.servers),
    missing,
    rounds: countOf('--rounds', values.rounds),
    source: values.source,
    sizeMib: countOf('--size-mib', values['size-mib']),
    listed: countOf('--listed', values.listed),
  }
  const workloads = workloadsOf(settings).filter(({ name }) => name.includes(values.only ?? ''))
  if (workloads.length === 0)
    throw new UsageError(
      `--only: part of ${workloadsOf(settings)
        .map(({ name }) => name)
        .join(' | ')}`,
    )
  report({
    area: 'repositories',
    restic: resticVersion() ?? 'none',
    contenders: settings.contenders.map(({ name, version, fsync }) => ({ name, version, fsync })),
    missing: settings.missing,
    cpu: `${cpus().length} x ${cpus()[0]?.model.trim()}`,
    rounds: settings.rounds,
    ratio: 'figure of the rest-server verb / figure of the peer',
  })
  for (const workload of workloads) await workload.run()
}
