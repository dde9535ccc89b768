import assert from 'node:assert/strict'
import { type ProblemCode, ProblemError } from '@hearthold/contract'
import {
  decodePage,
  factsPayload,
  type LogPage,
  LogVerifier,
  type SignedEntry,
} from '@hearthold/crypto'
import { type AccountView, actOf, deviceAt, rulesOf, type ShareView } from '@hearthold/model'
import type { TestLogService } from './test-log-service.ts'
import { newNode, TestDevice, TestMember, type TestShare } from './test-logs.ts'

/** One thing that one device does; numbers choose among what is there. */
export type Step = {
  readonly device: number
  readonly share: number
  readonly what: 'add' | 'file' | 'move' | 'trash' | 'erase' | 'two' | 'stale' | 'catch-up'
  readonly pick: number
}
/** Between turns: nothing, a restart, views dropped from memory, a device revoked with its fences. */
export type Between = 'nothing' | 'restart' | 'forget' | 'revoke'

/** What an honest writer that lost a race may hear. */
const refusals: readonly ProblemCode[] = ['base_stale', 'entry_refused']

/**
 * For tests only: a member with four devices and two shares who do as told. Its clients hold the server to everything;
 * what they find wrong is thrown.
 */
export class World {
  readonly member = new TestMember()
  readonly devices: TestDevice[] = [this.member.device]
  readonly shares: TestShare[] = []
  epoch = 1
  accepted = 0
  readonly service: TestLogService

  constructor(service: TestLogService) {
    this.service = service
  }

  async begin(): Promise<void> {
    await this.service.found(this.member)
    while (this.devices.length < 4) await this.enrol()
    while (this.shares.length < 2) this.shares.push(await this.service.share(this.member))
  }

  async enrol(): Promise<void> {
    const device = new TestDevice()
    const append = this.member.append([await this.member.enrol(device)])
    this.member.log.take((await this.service.append(this.member, [append]))[0]!)
    this.devices.push(device)
  }

  /** Revokes the last device with a fence in each share, and enrols another. */
  async revoke(): Promise<void> {
    const device = this.devices.pop()!
    this.epoch++
    const appends = [this.member.append([await this.member.retire(device)])]
    for (const share of this.shares) appends.push(share.append([await share.fence(this.epoch)]))
    const receipts = await this.service.append(this.member, appends)
    this.member.log.take(receipts[0]!)
    await this.enrol()
  }

  async #entries(share: TestShare, { device: index, what, pick }: Step): Promise<SignedEntry[]> {
    const device = this.devices[index]!
    const { epoch } = this
    const view = (await this.service.logs.view(share.log.id)) as ShareView
    const nodes = [...view.nodes.values()]
    const node = nodes[pick % Math.max(1, nodes.length)]
    const options = { device, epoch }
    if (what === 'file') {
      const object = newNode()
      this.service.objects.there.set(object, 64)
      const add = {
        op: 'add-file',
        node: newNode(),
        parent: share.log.id,
        object,
        sizeBytes: 64,
      } as const
      return [await share.change([add], options)]
    }
    if (what === 'two') return [await share.folder(options), await share.folder(options)]
    if (what === 'add' || what === 'catch-up' || !node) {
      return [await share.folder(options)]
    }
    const base = what === 'stale' ? node.base + 1 : node.base
    const op = what === 'stale' ? 'trash' : what
    const change =
      op === 'move'
        ? ({ op, node: node.id, base, parent: share.log.id } as const)
        : ({ op, node: node.id, base } as const)
    // The first entry of a refused pair must leave no trace.
    const bait = pick % 3 === 0 ? [await share.folder(options)] : []
    return [...bait, await share.change([change], options)]
  }

  /** A device does not sign the next entry of a log before it knows what became of the last. */
  async take(step: Step): Promise<void> {
    const share = this.shares[step.share]!
    const device = this.devices[step.device]!
    const before = device.own.get(share.log.id)
    try {
      const entries = await this.#entries(share, step)
      const [receipt] = await this.service.append(this.member, [share.append(entries)])
      this.accepted += entries.length
      if (step.what === 'catch-up') share.log.take(receipt!)
    } catch (error) {
      const expected = error instanceof ProblemError && refusals.includes(error.code)
      if (!expected) throw error
      if (before) device.own.set(share.log.id, before)
      else device.own.delete(share.log.id)
    }
  }

  async run(turns: readonly (readonly [readonly Step[], Between])[]): Promise<void> {
    for (const [steps, then] of turns) {
      const busy = new Set<string>()
      const alone = steps.filter(({ device, share }) => {
        const key = `${device} ${share}`
        return !busy.has(key) && busy.add(key)
      })
      await Promise.all(alone.map((one) => this.take(one)))
      if (then === 'restart') await this.service.restart()
      if (then === 'forget') await this.service.restart({ viewLimitNodes: 1 })
      if (then === 'revoke') await this.revoke()
    }
  }

  async pages(log: string): Promise<LogPage[]> {
    const pages: LogPage[] = []
    for (let after = 0; ;) {
      const page = (await this.service.logs.readPage({ log, after, limit: 7 }))!
      pages.push(decodePage(page.bytes))
      after = page.lastSeq
      if (page.lastSeq === page.headSeq) return pages
    }
  }

  /** Everything that a client checks, and the view that it then has. */
  async verifiedView(log: string, strict: boolean, governing?: AccountView): Promise<unknown> {
    const pages = await this.pages(log)
    const { genesis } = pages[0]!
    const verifier = new LogVerifier(pages[0]!.log, genesis, { strict })
    const rules = rulesOf(genesis.kind, genesis.rules)!
    const view = rules.create(genesis)
    for (const page of pages) {
      verifier.acceptPage(page)
      for (const entry of page.entries) {
        const act = actOf(entry, rules.decode(entry.header.kind, factsPayload(entry.facts!)))
        assert.equal(await rules.verify(view, act), undefined)
        // The client holds the server to the same rules, at the number that the server stamped.
        assert.equal(rules.may(view, act, governing), undefined)
        assert.deepEqual(rules.apply(view, act).refusals, [])
      }
    }
    const account = governing ?? (view as AccountView)
    await verifier.verifySignatures((_author, device, gov) =>
      strict ? account.devices.get(device)?.publicKey : deviceAt(account, device, gov)?.publicKey,
    )
    await verifier.checkReceipt(pages.at(-1)!.receipt, this.service.instanceKey)
    return view
  }
}
