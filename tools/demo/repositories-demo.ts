/**
 * `npm run demo -- --repositories [FOLDER] [--json]`: the promise of repositories, by the real restic. A server is set
 * up and a repository made by the real command line; restic backs FOLDER up by a credential that can only append, and
 * its deletions are refused; by one for maintenance it forgets everything and prunes, and the bin brings every snapshot
 * back. Then FOLDER is restored by restic and by our own reader, every byte is compared, and the server's disk is
 * searched for anything readable, and for what opens the repository.
 */
import { randomBytes } from 'node:crypto'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Repository } from '@hearthold/contract'
import { type Needle, needlesOf, PlaintextScanner } from '../plaintext-scanner.ts'
import { differences, digestTree, type TreeDigest } from './compare.ts'
import { DemoDevice, DemoServer } from './instance.ts'
import { Restic, resticMissing, resticVersion } from './restic.ts'
import { say, secondsSoFar, showFind, yesOrNo } from './telling.ts'

type Report = {
  restic: string
  files: number
  bytes: number
  snapshots: number
  credentialFilePrivate: boolean
  deletionRefused: boolean
  maintainPruned: boolean
  binBroughtBack: boolean
  checkedEveryByte: boolean
  resticIdentical: boolean
  readerIdentical: boolean
  scannerFindsMarker: boolean
  plaintextFound: number
  serverFiles: number
  serverBytes: number
  seconds: number
}

const name = 'laptop'

type Stage = {
  readonly folder: string
  readonly source: string
  readonly server: DemoServer
  readonly ada: DemoDevice
}

const setUp = async ({ server, ada }: Stage): Promise<void> => {
  const passwordFile = await ada.writeSecret('password', randomBytes(18).toString('base64url'))
  await ada.json(
    ...['set-up', '--token-file', server.setUpTokenFile, '--instance-name', 'Demo house'],
    ...['--name', 'ada', '--password-file', passwordFile],
    ...['--recovery-key-out', ada.secret('recovery-key')],
    ...['--totp-secret-out', ada.secret('totp-secret')],
  )
  await ada.json('repository', 'create', name, '--freeze-days', '30')
  say('Ada set the instance up and made a repository')
}

/** A credential in a file as the command line writes it. */
const credential = async ({ ada }: Stage, scope: string): Promise<string> => {
  const file = ada.secret(`address-${scope}`)
  await ada.json(
    ...['repository', 'credential', 'create', name, '--scope', scope, '--label', 'laptop'],
    ...['--out', file, '--password-file', ada.secret('password')],
  )
  return file
}

const isPrivate = async (file: string): Promise<boolean> =>
  ((await stat(file)).mode & 0o777) === 0o600

const shown = async ({ ada }: Stage): Promise<Repository> =>
  (await ada.json<{ repository: Repository }>('repository', 'show', name)).repository

/** Two backups by a credential that only adds; what would delete is refused. */
const backUp = async (
  stage: Stage,
  append: Restic,
): Promise<{ snapshots: string[]; deletionRefused: boolean }> => {
  await append.must('init')
  await append.must('backup', stage.source)
  const note = join(stage.folder, 'written between the two backups.txt')
  await writeFile(note, 'and backed up too')
  await append.must('backup', stage.source, note)
  say('restic backed up twice, by a credential that can only append')
  const snapshots = (await append.snapshots()).map(({ id }) => id)
  const refused = [
    await append.isRefused(403, 'forget', ...snapshots),
    await append.isRefused(403, 'forget', '--group-by', 'host', '--keep-last', '1', '--prune'),
  ]
  const left = await append.snapshots()
  const deletionRefused = refused.every(Boolean) && left.length === snapshots.length
  say(deletionRefused ? 'its deletions were refused' : 'ITS DELETIONS WERE NOT REFUSED')
  return { snapshots, deletionRefused }
}

/** All is forgotten and pruned by a credential for maintenance, and the bin brings it back. */
const pruneAndBringBack = async (
  stage: Stage,
  append: Restic,
  snapshots: readonly string[],
): Promise<{ maintainPruned: boolean; binBroughtBack: boolean }> => {
  const maintain = new Restic({
    folder: join(stage.folder, 'restic-maintain'),
    repository: { file: await credential(stage, 'maintain') },
    passwordFile: append.passwordFile,
  })
  await maintain.must('forget', ...snapshots, '--prune', '--max-unused', '0')
  const emptied = await shown(stage)
  const none = (await maintain.snapshots()).length === 0
  const maintainPruned = none && emptied.snapshots === 0 && emptied.binObjects > 0
  say(`a credential for maintenance pruned all: ${emptied.binObjects} objects went to the bin`)
  await stage.ada.json('repository', 'bin', 'restore', name)
  const back = (await append.snapshots()).map(({ id }) => id)
  const binBroughtBack = back.join() === snapshots.join()
  say(binBroughtBack ? 'the bin brought every snapshot back' : 'THE BIN BROUGHT NOT ALL BACK')
  return { maintainPruned, binBroughtBack }
}

const differing = async (before: TreeDigest, folder: string, by: string): Promise<string[]> => {
  const found = differences(before, (await digestTree(folder)).tree)
  say(
    found.length === 0 ? `${by} brought every byte back` : `${found.length} paths differ by ${by}`,
  )
  return found.map((one) => `${by}: ${one}`)
}

/** The newest snapshot by restic, and by our own reader. */
const restore = async (
  { folder, source, ada }: Stage,
  append: Restic,
  before: TreeDigest,
): Promise<{ byRestic: string[]; byReader: string[] }> => {
  const [byRestic, byReader] = [join(folder, 'back-by-restic'), join(folder, 'back-by-reader')]
  await append.must('restore', 'latest', '--target', byRestic)
  await ada.json(
    ...['repository', 'restore', name, 'latest', '--to', byReader],
    ...['--repository-password-file', append.passwordFile],
  )
  return {
    byRestic: await differing(before, join(byRestic, source), 'restic'),
    byReader: await differing(before, join(byReader, source), 'our own reader'),
  }
}

/** The marker proves that the scanner finds what is there. */
const scannerWorks = async (scanner: PlaintextScanner, stage: Stage): Promise<boolean> => {
  const [needle] = await needlesOf(stage.source)
  if (!needle) return false
  const marker = join(stage.server.dataFolder, 'planted-marker')
  await writeFile(marker, Buffer.concat([randomBytes(1234), needle.bytes, randomBytes(99)]))
  const { finds } = await scanner.scanFolder(stage.server.dataFolder)
  await rm(marker)
  return finds.some((find) => find.file === 'planted-marker')
}

/** What opens the repository, or lets a machine in: neither may lie on the server. */
const secretNeedles = async ({ passwordFile, repositoryFile }: Restic): Promise<Needle[]> => {
  const { password } = new URL((await readFile(repositoryFile, 'utf8')).replace(/^rest:/, ''))
  return [
    { bytes: await readFile(passwordFile), what: 'the password of the repository' },
    { bytes: Buffer.from(password), what: 'the secret of a credential' },
  ]
}

const play = async (stage: Stage): Promise<{ report: Report; notes: string[] }> => {
  const { source, server, folder } = stage
  await setUp(stage)
  const before = await digestTree(source)
  const scanner = new PlaintextScanner(await needlesOf(source))
  const known = new Set((await scanner.scanFolder(server.dataFolder)).finds.map(({ what }) => what))
  const file = await credential(stage, 'append')
  const credentialFilePrivate = await isPrivate(file)
  const append = new Restic({ folder: join(folder, 'restic'), repository: { file } })
  const { snapshots, deletionRefused } = await backUp(stage, append)
  const pruned = await pruneAndBringBack(stage, append, snapshots)
  const checked = await append.checkAll().then(
    () => '',
    (error: Error) => error.message,
  )
  const { byRestic, byReader } = await restore(stage, append, before.tree)
  const scannerFindsMarker = await scannerWorks(scanner, stage)
  const disk = await scanner.scanFolder(server.dataFolder)
  const secrets = new PlaintextScanner(await secretNeedles(append))
  const finds = [
    ...disk.finds.filter(({ what }) => !known.has(what)),
    ...(await secrets.scanFolder(server.dataFolder)).finds,
  ]
  say(`searched ${disk.files} files of the server's disk`)
  const report = {
    restic: resticVersion() ?? '',
    ...{ files: before.files, bytes: before.bytes, snapshots: snapshots.length },
    ...{ credentialFilePrivate, deletionRefused, ...pruned },
    checkedEveryByte: checked === '',
    resticIdentical: byRestic.length === 0,
    readerIdentical: byReader.length === 0,
    ...{ scannerFindsMarker, plaintextFound: finds.length },
    ...{ serverFiles: disk.files, serverBytes: disk.bytes, seconds: secondsSoFar() },
  }
  return { report, notes: [checked, ...byRestic, ...byReader, ...finds.map(showFind)] }
}

const print = (report: Report, source: string): void => {
  process.stdout.write(
    [
      `Backed up by restic          ${report.files} files, ${report.bytes} bytes of ${source}, ${report.snapshots} snapshots`,
      `Credential file is private   ${yesOrNo(report.credentialFilePrivate)}`,
      `Deleting by append refused   ${yesOrNo(report.deletionRefused)}`,
      `Maintain pruned into the bin ${yesOrNo(report.maintainPruned)}`,
      `Bin brought all back         ${yesOrNo(report.binBroughtBack)}`,
      `check --read-data            ${yesOrNo(report.checkedEveryByte)}`,
      `Restored by restic, equal    ${yesOrNo(report.resticIdentical)}`,
      `Restored by reader, equal    ${yesOrNo(report.readerIdentical)}`,
      `Scanner finds a marker       ${yesOrNo(report.scannerFindsMarker)}`,
      `Readable on the server       ${report.plaintextFound} finds in ${report.serverFiles} files, ${report.serverBytes} bytes`,
      `Time                         ${report.seconds} s`,
      '',
    ].join('\n'),
  )
}

/** Plays it in `folder`. The exit code: 0 if all held, 1 if not, 2 without restic. */
export const runRepositoriesDemo = async (
  source: string,
  folder: string,
  json: boolean,
): Promise<number> => {
  if (resticVersion() === undefined) {
    process.stderr.write(`${resticMissing}\n`)
    return 2
  }
  const server = await DemoServer.start(folder)
  say(`server at ${server.url}`)
  try {
    const ada = new DemoDevice(server, join(folder, 'ada-laptop'), join(folder, 'ada-drawer'))
    const { report, notes } = await play({ folder, source, server, ada })
    for (const note of notes.filter(Boolean).slice(0, 20)) process.stderr.write(`${note}\n`)
    if (json) process.stdout.write(`${JSON.stringify(report)}\n`)
    else print(report, source)
    const held = Object.values(report).every((value) => value !== false)
    return held && report.plaintextFound === 0 && report.files > 0 ? 0 : 1
  } finally {
    await server.stop()
  }
}
