/**
 * `npm run demo -- --browser FOLDER [--json]`: the promise once more, by a real browser. The host sets the instance up by
 * a passkey and invites a second member, who signs up in another browser. FOLDER is sealed and uploaded in the browser,
 * and opened by the real command line on another device that has the recovery key alone; then the command line seals it,
 * and the browser downloads it, whole as a zip and its largest file by itself. Every SHA-256 is compared, the other
 * member is refused, and the server's disk, all that went over the wire and the browsers' profiles are searched.
 */
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Find } from '../plaintext-scanner.ts'
import { BrowserPerson } from './browser-person.ts'
import * as steps from './browser-steps.ts'
import { differences, digestTree, type TreeDigest, withoutLinks } from './compare.ts'
import { DemoDevice, DemoServer } from './instance.ts'
import {
  exportedKeyNeedles,
  findsInBrowser,
  findsOnDisk,
  recoveryKeyNeedles,
  Search,
} from './searching.ts'
import { say, secondsSoFar, showFind, yesOrNo } from './telling.ts'
import { WireTap } from './wire-tap.ts'
import { digestZip } from './zip-digest.ts'

type Report = {
  files: number
  bytes: number
  /** Symbolic links of FOLDER: no browser takes them. */
  linksLeftOut: number
  /** What the command line found of what the browser sealed. */
  uploadIdentical: boolean
  /** What the browser saved of what the command line sealed, as a zip and as a file. */
  downloadIdentical: boolean
  identical: boolean
  otherMemberRefused: boolean
  policyViolations: number
  scannerFindsMarker: boolean
  plaintextFound: number
  /** Names and pieces that are searched for; those that the app itself holds are not. */
  searchedFor: number
  publicAnyway: number
  serverBytes: number
  wireBytes: number
  sockets: number
  profileBytes: number
  seconds: number
}

type Place = {
  readonly folder: string
  readonly source: string
  /** Name of the folder that is sealed. */
  readonly name: string
  readonly tap: WireTap
  readonly server: DemoServer
  readonly ada: BrowserPerson
  readonly bertil: BrowserPerson
}

const profiles = (folder: string): string[] =>
  ['ada-browser', 'bertil-browser'].map((name) => join(folder, name))

/** Both people, each in a browser of their own; their recovery keys land in files for the command line. */
const enterAll = async ({
  folder,
  server,
  ada,
  bertil,
}: Place): Promise<{ adaDevice: DemoDevice; bertilDevice: DemoDevice }> => {
  const adaDevice = new DemoDevice(server, join(folder, 'ada-desk'), join(folder, 'ada-drawer'))
  const token = (await readFile(server.setUpTokenFile, 'utf8')).trim()
  const adaKey = await steps.setUpByPasskey(ada, {
    token,
    instanceName: 'Demo house',
    name: 'ada',
    displayName: 'Ada Lindqvist',
  })
  await adaDevice.writeSecret('recovery-key', adaKey)
  say('Ada set the instance up in her browser, by a passkey, and kept the recovery key')
  const link = await steps.makeInvitation(ada)
  const bertilDevice = new DemoDevice(
    server,
    join(folder, 'bertil-desk'),
    join(folder, 'bertil-drawer'),
  )
  const bertilKey = await steps.signUpByPasskey(bertil, {
    link,
    name: 'bertil',
    displayName: 'Bertil Ek',
  })
  await bertilDevice.writeSecret('recovery-key', bertilKey)
  say('Bertil signed up in another browser, by the invitation and a passkey')
  return { adaDevice, bertilDevice }
}

const signInByRecoveryKey = (device: DemoDevice): Promise<unknown> =>
  device.json(
    'sign-in',
    ...['--recovery-key-file', device.secret('recovery-key')],
    ...['--recovery-key-out', device.secret('new-recovery-key')],
  )

/** The browser seals FOLDER; another device opens it by the command line. Returns what differs. */
const browserToCommandLine = async (
  { folder, source, name, ada }: Place,
  device: DemoDevice,
  before: TreeDigest,
): Promise<{ share: string; differing: string[] }> => {
  const share = await steps.createShare(ada, 'Papers')
  await steps.drop(ada, source)
  say('dropped onto the page: the browser sealed and uploaded the folder')
  await signInByRecoveryKey(device)
  const back = join(folder, 'back')
  await device.json('get', `${share}:/${name.normalize('NFC')}`, back)
  const after = (await digestTree(join(back, name))).tree
  const differing = differences(before, after)
  say(
    differing.length === 0
      ? 'the command line opened every byte, by the recovery key alone'
      : `${differing.length} paths differ at the command line`,
  )
  return { share, differing }
}

/** Bytes of a file; -1 for what is none. */
const sizeOf = (kind: string): number => Number(/^file of (\d+)/.exec(kind)?.[1] ?? -1)

const totalsOf = (tree: TreeDigest): { files: number; bytes: number } => {
  const sizes = [...tree.values()].map(sizeOf).filter((size) => size >= 0)
  return { files: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) }
}

const largestFile = (tree: TreeDigest): string | undefined => {
  const [first] = [...tree]
    .filter(([, kind]) => sizeOf(kind) >= 0)
    .sort(([, one], [, other]) => sizeOf(other) - sizeOf(one))
  return first?.[0]
}

/** The command line seals FOLDER; the browser saves it as a zip, and its largest file as it is. */
const commandLineToBrowser = async (
  { folder, source, name, ada }: Place,
  device: DemoDevice,
  before: TreeDigest,
): Promise<string[]> => {
  const { log } = await device.json<{ log: string }>('share', 'create', 'Returned')
  await device.json('put', source, `${log}:/`)
  say('the command line sealed the same folder')
  // Signing in by the recovery key ended all other sessions.
  await steps.signInByPasskey(ada)
  say('Ada signed in and unlocked in her browser again, by the passkey')
  await steps.openShare(ada, 'Returned')
  const zip = join(folder, 'saved.zip')
  await steps.downloadRow(ada, name, zip)
  const wanted = new Map([...before].map(([path, kind]) => [`${name}/${path}`, kind]))
  wanted.set(name, 'folder')
  const differing = differences(wanted, await digestZip(zip))
  const largest = largestFile(before)
  if (largest !== undefined) {
    const parts = [name, ...largest.split('/')]
    for (const part of parts.slice(0, -1)) await steps.openFolder(ada, part)
    const single = join(folder, 'saved-file')
    await steps.downloadRow(ada, parts.at(-1)!, join(single, 'file'))
    const kind = (await digestTree(single)).tree.get('file')
    if (kind !== before.get(largest)) differing.push(`${largest}, saved by itself: ${kind}`)
  }
  say(
    differing.length === 0
      ? 'the browser saved every byte: all as a zip, the largest file by itself'
      : `${differing.length} paths differ in the browser`,
  )
  return differing
}

/** Bertil sees nothing of it: not in his browser, not by its address, not by the command line. */
const otherRefused = async (
  { folder, ada, bertil, name }: Place,
  device: DemoDevice,
  share: string,
): Promise<boolean> => {
  const { page } = bertil
  const shown = await steps.lookForShare(bertil, share)
  const path = `/api/logs/${share}/entries?after=0`
  const ask = async (address: string): Promise<number> => (await fetch(address)).status
  const answers = [await ada.page.evaluate(ask, path), await page.evaluate(ask, path)]
  await signInByRecoveryKey(device)
  const listed = await device.run('ls', `${share}:/`)
  const fetched = await device.run('get', `${share}:/`, join(folder, 'stolen'))
  const unseen = !shown.includes(name) && !shown.includes('Papers')
  const inBrowser = unseen && answers[0] === 200 && answers[1] === 404
  return inBrowser && listed.code === 4 && fetched.code === 4
}

type Searched = Pick<
  Report,
  'scannerFindsMarker' | 'plaintextFound' | 'serverBytes' | 'wireBytes' | 'profileBytes'
> & { readonly finds: readonly Find[] }

/** After the browsers were closed: everything that was kept or sent, searched; then the search itself is tried. */
const searchAll = async (place: Place, search: Search): Promise<Searched> => {
  const { folder, server, tap } = place
  const disk = await search.scan(server.dataFolder)
  const kept = await Promise.all(profiles(folder).map((profile) => search.scan(profile)))
  const carelessProfile = join(folder, 'careless-browser')
  const onDisk = await findsOnDisk(search, server.dataFolder)
  const before = tap.connections
  const inBrowser = await findsInBrowser(search, tap.origin, carelessProfile)
  await server.stop()
  await tap.stop()
  if (tap.fault) throw tap.fault
  const wire = await search.scan(tap.folder)
  const isCareless = ({ file }: Find): boolean => Number.parseInt(file, 10) > before
  const sent = wire.finds.filter((find) => !isCareless(find))
  const finds = [...disk.finds, ...sent, ...kept.flatMap((profile) => profile.finds)]
  const profileBytes = kept.reduce((sum, { bytes }) => sum + bytes, 0)
  return {
    finds,
    plaintextFound: finds.length,
    scannerFindsMarker: onDisk && inBrowser && wire.finds.some(isCareless),
    ...{ serverBytes: disk.bytes, wireBytes: wire.bytes, profileBytes },
  }
}

const run = async (place: Place): Promise<{ report: Report; notes: string[] }> => {
  const { folder, source, server, tap, ada, bertil } = place
  const whole = await digestTree(source)
  const { tree: before, links } = withoutLinks(whole.tree)
  const { adaDevice, bertilDevice } = await enterAll(place)
  const search = await Search.of(source, [server.dataFolder, tap.folder, ...profiles(folder)])
  say(`${search.needles} names and pieces of contents will be searched for`)
  const { share, differing } = await browserToCommandLine(place, adaDevice, before)
  const backDiffering = await commandLineToBrowser(place, adaDevice, before)
  const otherMemberRefused = await otherRefused(place, bertilDevice, share)
  say(otherMemberRefused ? 'Bertil was refused' : 'BERTIL WAS NOT REFUSED')
  await addKeys(search, place, share, [adaDevice, bertilDevice])
  const complaints = [...ada.complaints(), ...bertil.complaints()]
  await ada.close()
  await bertil.close()
  const { finds, ...searched } = await searchAll(place, search)
  say('searched the disk of the server, the wire, and both profiles')
  const report = {
    ...totalsOf(before),
    linksLeftOut: links.length,
    uploadIdentical: differing.length === 0,
    downloadIdentical: backDiffering.length === 0,
    identical: differing.length === 0 && backDiffering.length === 0,
    otherMemberRefused,
    policyViolations: complaints.length,
    ...searched,
    searchedFor: search.needles,
    publicAnyway: search.leftOut,
    sockets: tap.sockets,
    seconds: secondsSoFar(),
  }
  const notes = links.map((path) => `not for browsers: the symbolic link ${path}`)
  return {
    report,
    notes: [...notes, ...differing, ...backDiffering, ...complaints, ...finds.map(showFind)],
  }
}

/** Keys that are known by now join what is searched for. */
const addKeys = async (
  search: Search,
  { folder }: Place,
  share: string,
  devices: readonly DemoDevice[],
): Promise<void> => {
  for (const device of devices) {
    for (const name of ['recovery-key', 'new-recovery-key'])
      search.add(recoveryKeyNeedles(await device.readSecret(name), basename(device.home)))
  }
  const keys = join(folder, 'keys.json')
  await devices[0]!.json('share', 'keys', share, '--out', keys)
  search.add(await exportedKeyNeedles(keys))
}

const print = (report: Report, source: string): void => {
  const text = [
    `Sealed and opened         ${report.files} files, ${report.bytes} bytes of ${source}`,
    `Left out by the browser   ${report.linksLeftOut} symbolic links`,
    `Browser to command line   every SHA-256 equal: ${yesOrNo(report.uploadIdentical)}`,
    `Command line to browser   every SHA-256 equal: ${yesOrNo(report.downloadIdentical)}`,
    `Other member refused      ${yesOrNo(report.otherMemberRefused)}`,
    `Policy and console clean  ${yesOrNo(report.policyViolations === 0)}`,
    `Search finds a marker     ${yesOrNo(report.scannerFindsMarker)} (disk, wire, database and cache of a browser)`,
    `Readable anywhere         ${report.plaintextFound} finds of ${report.searchedFor} names, pieces and keys`,
    `  on the server's disk    ${report.serverBytes} bytes searched`,
    `  sent by the browsers    ${report.wireBytes} bytes searched, ${report.sockets} sockets among them`,
    `  in their profiles       ${report.profileBytes} bytes searched`,
    `Time                      ${report.seconds} s`,
    '',
  ]
  process.stdout.write(text.join('\n'))
}

/** Runs the demo in an empty folder; returns the exit code: 0 only if all holds. */
export const runBrowserDemo = async (
  source: string,
  folder: string,
  json: boolean,
): Promise<number> => {
  let port = 0
  const tap = await WireTap.start(join(folder, 'wire'), () => port)
  const server = await DemoServer.start(folder, (own) => {
    port = own
    return tap.origin
  })
  say(`server at ${server.url}`)
  const people: BrowserPerson[] = []
  try {
    for (const profile of profiles(folder))
      people.push(await BrowserPerson.open(tap.origin, profile))
    const [ada, bertil] = people as [BrowserPerson, BrowserPerson]
    const place = { folder, source, name: basename(source), tap, server, ada, bertil }
    const { report, notes } = await run(place)
    for (const note of notes.slice(0, 20)) process.stderr.write(`${note}\n`)
    if (notes.length > 20) process.stderr.write(`and ${notes.length - 20} more\n`)
    if (json) process.stdout.write(`${JSON.stringify(report)}\n`)
    else print(report, source)
    const clean = report.plaintextFound === 0 && report.policyViolations === 0
    const proven = report.otherMemberRefused && report.scannerFindsMarker
    return report.identical && clean && proven ? 0 : 1
  } finally {
    await Promise.all(people.map((person) => person.close()))
    await server.stop()
    await tap.stop()
  }
}
