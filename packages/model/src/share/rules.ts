import { genesisHash, logIdOf, toHex } from '@hearthold/crypto'
import { type AccountView, deviceAt } from '../account/view.ts'
import { logKinds } from '../kinds.ts'
import { type Act, type Applied, appliedWith, type LogRules, type Refusal } from '../rules.ts'
import { applyChanges } from './apply.ts'
import { checkChanges } from './check.ts'
import { decodeShareFacts, type EpochFacts, type ShareFacts } from './facts.ts'
import type { ShareView } from './view.ts'

const mayHold = (view: ShareView, act: Act<ShareFacts>, facts: EpochFacts): Refusal | undefined => {
  const next = facts.epoch === view.epoch + 1 && act.epoch === facts.epoch
  return next ? undefined : { code: 'epoch_stale' }
}

const mayDo = (view: ShareView, act: Act<ShareFacts>): Refusal | undefined => {
  const { facts } = act
  if (facts.entry === 'found') {
    return act.seq === 1 && view.epoch === 0 ? mayHold(view, act, facts) : { code: 'entry_refused' }
  }
  if (view.epoch === 0) return { code: 'entry_refused' }
  if (facts.entry === 'fence') return mayHold(view, act, facts)
  if (act.epoch !== view.epoch) return { code: 'epoch_stale' }
  return facts.entry === 'change' ? checkChanges(view, facts.changes).refusals[0] : undefined
}

/** A private share is written by devices that its founder's account certifies at `gov`. */
const permits = (
  view: ShareView,
  act: Act<ShareFacts>,
  governing: AccountView,
): Refusal | undefined => {
  if (act.author !== view.founder) return { code: 'entry_refused' }
  const known = deviceAt(governing, act.device, act.gov)
  return known ? undefined : { code: 'device_unknown', subject: act.device }
}

const apply = (view: ShareView, act: Act<ShareFacts>): Applied => {
  const { facts } = act
  if (facts.entry === 'change') {
    const stale = view.epoch === 0 || act.epoch !== view.epoch
    return stale ? appliedWith({ code: 'epoch_stale' }) : applyChanges(view, act, facts)
  }
  const refusal = mayDo(view, act)
  if (refusal) return appliedWith(refusal)
  if (facts.entry !== 'fence') view.name = facts.attributes?.[0]?.name ?? view.name
  if (facts.entry !== 'describe') {
    const { epoch, domainKeyVersion, sealedLogKey } = facts
    view.epoch = epoch
    view.epochs.set(epoch, { epoch, domainKeyVersion, sealedLogKey })
  }
  return appliedWith()
}

/** The share log: relaxed, governed by the founder's account log while it is private. */
export const shareRules: LogRules<ShareView, ShareFacts, AccountView> = {
  kind: logKinds.share,
  name: 'share',
  version: 1,
  strict: false,
  create: (genesis) => ({
    root: toHex(logIdOf(genesisHash(genesis))),
    founder: toHex(genesis.founder),
    epoch: 0,
    epochs: new Map(),
    nodes: new Map(),
    children: new Map(),
    objectCounts: new Map(),
    name: undefined,
  }),
  decode: decodeShareFacts,
  verify: () => Promise.resolve(undefined),
  permits,
  may: (view, act, governing) => permits(view, act, governing) ?? mayDo(view, act),
  objects: (facts) =>
    facts.entry === 'change'
      ? facts.changes.flatMap((change) =>
          'object' in change ? [{ object: change.object, sizeBytes: change.sizeBytes }] : [],
        )
      : [],
  apply,
}
