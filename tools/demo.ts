/**
 * `npm run demo -- [FOLDER] [--json] [--browser | --repositories]`: the whole promise once. With `--browser` see
 * demo/browser-demo.ts, with `--repositories` demo/repositories-demo.ts; without them by the real command line alone. A server in a temporary
 * folder is set up, two members seal folders onto it, one loses the only device and gets every byte back with the
 * recovery key; the other is refused; and the server's disk is searched for anything readable.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { differences, digestTree } from './demo/compare.ts'
import { DemoDevice, DemoServer } from './demo/instance.ts'
import { say, secondsSoFar, showFind, yesOrNo } from './demo/telling.ts'
import { needlesOf, PlaintextScanner } from './plaintext-scanner.ts'

type Report = {
  files: number
  bytes: number
  identical: boolean
  otherMemberRefused: boolean
  scannerFindsMarker: boolean
  plaintextFound: number
  serverFiles: number
  serverBytes: number
  seconds: number
}

const must = (condition: boolean, otherwise: string): void => {
  if (!condition) throw new Error(otherwise)
}

const password = (): string => randomBytes(18).toString('base64url')

/** Set-up or sign-up of a person with a new device; their secrets land in files beside it. */
const enter = async (device: DemoDevice, name: string, ...verb: string[]): Promise<void> => {
  const passwordFile = await device.writeSecret('password', password())
  await device.json(
    ...verb,
    ...['--name', name, '--password-file', passwordFile],
    ...['--recovery-key-out', device.secret('recovery-key')],
    ...['--totp-secret-out', device.secret('totp-secret')],
  )
}

const setUp = async (
  server: DemoServer,
  folder: string,
): Promise<{ ada: DemoDevice; bertil: DemoDevice }> => {
  const ada = new DemoDevice(server, join(folder, 'ada-laptop'), join(folder, 'ada-drawer'))
  await enter(
    ada,
    'ada',
    'set-up',
    '--token-file',
    server.setUpTokenFile,
    '--instance-name',
    'Demo house',
  )
  say('Ada set the instance up')
  const bertil = new DemoDevice(
    server,
    join(folder, 'bertil-laptop'),
    join(folder, 'bertil-drawer'),
  )
  const invitation = join(folder, 'invitation')
  await ada.json('invite', '--out', invitation)
  await enter(bertil, 'bertil', 'sign-up', '--invite-file', invitation)
  say('Bertil signed up by invitation')
  return { ada, bertil }
}

/** Ada's laptop is gone; a new one has nothing but the recovery key from the drawer. */
const recover = async (
  server: DemoServer,
  lost: DemoDevice,
  folder: string,
): Promise<DemoDevice> => {
  await rm(lost.home, { recursive: true })
  const fresh = new DemoDevice(server, join(folder, 'ada-new-laptop'), lost.secrets)
  await fresh.json(
    'sign-in',
    ...['--recovery-key-file', lost.secret('recovery-key')],
    ...['--recovery-key-out', lost.secret('new-recovery-key')],
  )
  say('Ada lost the laptop and signed in on a new one, with the recovery key alone')
  return fresh
}

const refused = async (other: DemoDevice, share: string, folder: string): Promise<boolean> => {
  const listed = await other.run('ls', `${share}:/`)
  const fetched = await other.run('get', `${share}:/`, join(folder, 'stolen'))
  return listed.code === 4 && fetched.code === 4
}

/** The marker proves that the scanner finds what is there. */
const scannerWorks = async (
  scanner: PlaintextScanner,
  server: DemoServer,
  source: string,
): Promise<boolean> => {
  const [needle] = await needlesOf(source)
  if (!needle) return false
  const marker = join(server.dataFolder, 'planted-marker')
  await writeFile(marker, Buffer.concat([randomBytes(1234), needle.bytes, randomBytes(99)]))
  const { finds } = await scanner.scanFolder(server.dataFolder)
  await rm(marker)
  return finds.some((find) => find.file === 'planted-marker')
}

const demo = async (
  source: string,
  folder: string,
): Promise<{ report: Report; notes: string[] }> => {
  const server = await DemoServer.start(folder)
  say(`server at ${server.url}`)
  try {
    const { ada, bertil } = await setUp(server, folder)
    const before = await digestTree(source)
    const scanner = new PlaintextScanner(await needlesOf(source))
    const known = new Set(
      (await scanner.scanFolder(server.dataFolder)).finds.map(({ what }) => what),
    )

    const { log: share } = await ada.json<{ log: string }>('share', 'create', 'Papers')
    const put = await ada.json<{ failed: unknown[] }>('put', source, `${share}:/`)
    must(put.failed.length === 0, 'Not everything could be put.')
    const own = await bertil.json<{ log: string }>('share', 'create', 'Papers')
    await bertil.json('put', source, `${own.log}:/`)
    say(`both sealed ${before.files} files onto the server`)

    const fresh = await recover(server, ada, folder)
    const back = join(folder, 'back')
    await fresh.json('get', `${share}:/${basename(source).normalize('NFC')}`, back)
    const differing = differences(
      before.tree,
      (await digestTree(join(back, basename(source)))).tree,
    )
    say(differing.length === 0 ? 'every byte came back' : `${differing.length} paths differ`)

    const otherMemberRefused = await refused(bertil, share, folder)
    const scannerFindsMarker = await scannerWorks(scanner, server, source)
    const disk = await scanner.scanFolder(server.dataFolder)
    const finds = disk.finds.filter(({ what }) => !known.has(what))
    say(`searched ${disk.files} files of the server's disk`)
    const report = {
      files: before.files,
      bytes: before.bytes,
      identical: differing.length === 0,
      otherMemberRefused,
      scannerFindsMarker,
      plaintextFound: finds.length,
      serverFiles: disk.files,
      serverBytes: disk.bytes,
      seconds: secondsSoFar(),
    }
    return { report, notes: [...differing, ...finds.map(showFind)] }
  } finally {
    await server.stop()
  }
}

const print = (report: Report, source: string): void => {
  process.stdout.write(
    [
      `Sealed and returned       ${report.files} files, ${report.bytes} bytes of ${source}`,
      `Every SHA-256 equal       ${yesOrNo(report.identical)}`,
      `Other member refused      ${yesOrNo(report.otherMemberRefused)}`,
      `Scanner finds a marker    ${yesOrNo(report.scannerFindsMarker)}`,
      `Readable on the server    ${report.plaintextFound} finds in ${report.serverFiles} files, ${report.serverBytes} bytes`,
      `Time                      ${report.seconds} s`,
      '',
    ].join('\n'),
  )
}

const main = async (): Promise<number> => {
  const { values, positionals } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      browser: { type: 'boolean', default: false },
      repositories: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  })
  const source = resolve(positionals[0] ?? 'packages')
  const info = await stat(source).catch(() => undefined)
  if (!info?.isDirectory()) {
    process.stderr.write(`There is no folder ${source}.\nGive one: npm run demo -- FOLDER\n`)
    return 2
  }
  const folder = await mkdtemp(join(tmpdir(), 'hearthold-demo-'))
  try {
    if (values.browser) {
      const { runBrowserDemo } = await import('./demo/browser-demo.ts')
      return await runBrowserDemo(source, folder, values.json)
    }
    if (values.repositories) {
      const { runRepositoriesDemo } = await import('./demo/repositories-demo.ts')
      return await runRepositoriesDemo(source, folder, values.json)
    }
    const { report, notes } = await demo(source, folder)
    for (const note of notes.slice(0, 20)) process.stderr.write(`${note}\n`)
    if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`)
    else print(report, source)
    const { identical, otherMemberRefused, scannerFindsMarker, plaintextFound } = report
    return identical && otherMemberRefused && scannerFindsMarker && plaintextFound === 0 ? 0 : 1
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  return 1
})
