import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  decodePage,
  type LogAppend,
  LogVerifier,
  type LogPage,
  randomBytes,
  type Receipt,
  type SignedEntry,
  signingPublicKey,
  verifyEntrySignature,
} from '@hearthold/crypto'
import type { AccountView } from '@hearthold/model'
import { TestDevice, TestMember, TestShare } from '../../apps/server/src/platform/logs/test-logs.ts'
import { instanceSeed, openLogs } from '../../test/crash/log-parts.ts'
import { type Figures, figuresOf, report } from '../peers/statistics.ts'

const rounds = 5
const loneAppends = 500
const writers = 64
const appendsPerWriter = 50
const historyEntries = 10_000
/** A message of 200 characters, sealed, with its attributes. */
const bodyBytes = 230

/** The real database, objects and log service in a folder of their own. */
class Service {
  readonly folder = mkdtempSync(join(tmpdir(), 'hearthold-bench-logs-'))
  readonly instanceKey = signingPublicKey(instanceSeed)
  db!: Awaited<ReturnType<typeof openLogs>>['db']
  logs!: Awaited<ReturnType<typeof openLogs>>['logs']

  static async open(): Promise<Service> {
    const service = new Service()
    const { db, logs } = await openLogs(join(service.folder, 'bench.db'), service.folder)
    return Object.assign(service, { db, logs })
  }

  append({ actor }: TestMember, appends: readonly LogAppend[]): Promise<Receipt[]> {
    return this.logs.append({ actor, appends })
  }

  async share(member: TestMember): Promise<TestShare> {
    const share = new TestShare(member)
    share.log.take((await this.append(member, [await share.foundingAppend()]))[0]!)
    return share
  }

  async close(): Promise<void> {
    await this.db.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

type Writers = { readonly member: TestMember; readonly devices: readonly TestDevice[] }

const enrolled = async (service: Service, count: number): Promise<Writers> => {
  const member = new TestMember()
  member.log.take((await service.append(member, [await member.foundingAppend()]))[0]!)
  const devices = [member.device]
  while (devices.length < count) {
    const device = new TestDevice()
    const [receipt] = await service.append(member, [member.append([await member.enrol(device)])])
    member.log.take(receipt!)
    devices.push(device)
  }
  return { member, devices }
}

/** Signed before anything is measured: that is the client's work. */
const signed = async (
  share: TestShare,
  device: TestDevice,
  count: number,
): Promise<SignedEntry[]> => {
  const entries: SignedEntry[] = []
  for (let i = 0; i < count; i++) {
    entries.push(await share.folder({ device, body: randomBytes(bodyBytes) }))
  }
  return entries
}

type Cost = { readonly ms: number; readonly cpuMs: number }

/** Wall and processor time for each of `count` pieces of work. */
const costOf = async (count: number, work: () => Promise<unknown>): Promise<Cost> => {
  const cpu = process.cpuUsage()
  const started = performance.now()
  await work()
  const ms = (performance.now() - started) / count
  const { user, system } = process.cpuUsage(cpu)
  return { ms, cpuMs: (user + system) / 1000 / count }
}

const figures = (costs: readonly Cost[]): { ms: Figures; cpuMs: Figures } => ({
  ms: figuresOf(costs.map(({ ms }) => ms)),
  cpuMs: figuresOf(costs.map(({ cpuMs }) => cpuMs)),
})

const appendAlone = async (): Promise<void> => {
  const service = await Service.open()
  const { member } = await enrolled(service, 1)
  const share = await service.share(member)
  const costs: Cost[] = []
  for (let round = 0; round <= rounds; round++) {
    const entries = await signed(share, member.device, loneAppends)
    const cost = await costOf(loneAppends, async () => {
      for (const entry of entries) await service.append(member, [share.append([entry])])
    })
    // The first round warms the compiler.
    if (round > 0) costs.push(cost)
  }
  report({
    area: 'logs',
    what: 'one append after the other',
    sync: 'full',
    ...figures(costs),
    barCpuMs: 0.5,
  })
  await service.close()
}

const appendTogether = async (): Promise<void> => {
  const service = await Service.open()
  const { member, devices } = await enrolled(service, writers)
  const share = await service.share(member)
  const costs: Cost[] = []
  for (let round = 0; round <= rounds; round++) {
    const work: SignedEntry[][] = []
    for (const device of devices) work.push(await signed(share, device, appendsPerWriter))
    const write = async (entries: readonly SignedEntry[]): Promise<void> => {
      for (const entry of entries) await service.append(member, [share.append([entry])])
    }
    const cost = await costOf(writers * appendsPerWriter, () => Promise.all(work.map(write)))
    if (round > 0) costs.push(cost)
  }
  const perSecond = figuresOf(costs.map(({ ms }) => 1000 / ms))
  const bars = { barCpuMs: 0.25, barPerSecond: 3000 }
  report({
    area: 'logs',
    what: `${writers} writers of one log`,
    perSecond,
    ...figures(costs),
    ...bars,
  })
  await service.close()
}

type History<Page> = { readonly pages: Page[]; readonly account: AccountView }

/** A log of 10,000 entries by four devices, as pages that the server would send. */
const storedHistory = async (service: Service): Promise<History<Uint8Array>> => {
  const { member, devices } = await enrolled(service, 4)
  const share = await service.share(member)
  for (let done = 1; done < historyEntries;) {
    for (const device of devices) {
      const entries = await signed(share, device, Math.min(50, historyEntries - done))
      if (entries.length > 0) await service.append(member, [share.append(entries)])
      done += entries.length
    }
  }
  const pages: Uint8Array[] = []
  for (let after = 0; after < historyEntries;) {
    const page = (await service.logs.readPage({ log: share.log.id, after, limit: 500 }))!
    pages.push(page.bytes)
    after = page.lastSeq
  }
  return { pages, account: (await service.logs.accountView(member.log.id))! }
}

const history = async (service: Service): Promise<History<LogPage>> => {
  const { pages, account } = await storedHistory(service)
  return { pages: pages.map((bytes) => decodePage(bytes)), account }
}

/** The same log for a browser to verify, in base64: its pages, and the keys of devices and instance. */
export const portableHistory = async (): Promise<{
  pages: string[]
  devices: Record<string, string>
  instanceKey: string
}> => {
  const service = await Service.open()
  try {
    const { pages, account } = await storedHistory(service)
    const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
    const devices = [...account.devices].map(([id, { publicKey }]) => [id, base64(publicKey)])
    return {
      pages: pages.map(base64),
      devices: Object.fromEntries(devices) as Record<string, string>,
      instanceKey: base64(service.instanceKey),
    }
  } finally {
    await service.close()
  }
}

const verifyHistory = async (): Promise<void> => {
  const service = await Service.open()
  const { pages, account } = await history(service)
  const keyOf = (device: string) => account.devices.get(device)?.publicKey
  const ownChains = async (): Promise<LogVerifier> => {
    const verifier = new LogVerifier(pages[0]!.log, pages[0]!.genesis, { strict: false })
    for (const page of pages) verifier.acceptPage(page)
    await verifier.verifySignatures((_author, device) => keyOf(device))
    await verifier.checkReceipt(pages.at(-1)!.receipt, service.instanceKey)
    return verifier
  }
  const everySignature = async (): Promise<void> => {
    for (const page of pages) {
      for (const entry of page.entries) {
        const key = keyOf(Buffer.from(entry.header.device).toString('hex'))
        if (!key || !(await verifyEntrySignature(entry, key))) throw new Error('not signed')
      }
    }
  }
  const chains: Cost[] = []
  const signatures: Cost[] = []
  for (let round = 0; round < rounds; round++) {
    chains.push(await costOf(1, ownChains))
    signatures.push(await costOf(1, everySignature))
  }
  const what = `verify ${historyEntries} entries in Node`
  report({ area: 'logs', what, by: 'chain and own-chains', ...figures(chains) })
  report({ area: 'logs', what, by: 'every signature', ...figures(signatures) })
  await service.close()
}

/** Measures by name, in this process and without HTTP: what the log service itself costs. */
export const inProcess: Readonly<Record<string, () => Promise<void>>> = {
  'service-alone': appendAlone,
  'service-writers': appendTogether,
  verify: verifyHistory,
}
