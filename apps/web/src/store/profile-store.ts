/** What this browser profile keeps of this server whoever signs in: its sealing key, its device key, and the accounts. */
import { createSealing, isSealingKey, makeSealingKey, type Sealing } from './sealing.ts'
import { indexedRows, type Rows, steadyRows } from './rows.ts'

const areas = ['keys', 'device', 'accounts', 'methods', 'answers'] as const
type Area = (typeof areas)[number]

/** Ids in hex; `instanceKey` is the key that signs this server's receipts, as first seen. */
export type KnownAccount = {
  readonly account: string
  readonly log: string
  readonly instanceKey: string
  /** Sign-in name: sealed where it lies. */
  readonly name: string
}

export type ProfileStore = {
  readonly sealing: Sealing
  /** The device's seed, if one was made. */
  deviceSeed(): Promise<Uint8Array<ArrayBuffer> | undefined>
  putDeviceSeed(seed: Uint8Array): Promise<void>
  account(account: string): Promise<KnownAccount | undefined>
  putAccount(known: KnownAccount): Promise<void>
  /** The secret of this device's unlock method for an account; only with "stay signed in". */
  methodSecret(account: string): Promise<Uint8Array<ArrayBuffer> | undefined>
  putMethodSecret(account: string, secret: Uint8Array): Promise<void>
  removeMethodSecret(account: string): Promise<void>
  /** Answers of the server for reading without it; `name` is an endpoint's. */
  answer(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>
  putAnswer(name: string, bytes: Uint8Array): Promise<void>
  /** Keeps the unlock secret of no other account: a browser has one session, and theirs is over. */
  keepMethodOnlyOf(account: string): Promise<void>
  /** The session is over: nothing here unlocks by itself any more, and nothing says who was signed in. */
  forgetSession(): Promise<void>
}

/** The one sealing key of the profile. Two tabs that both make one end with the same. */
const sealingKey = async (rows: Rows<Area>): Promise<CryptoKey> => {
  const known = await rows.get('keys', 'seal')
  if (isSealingKey(known)) return known
  const made = await makeSealingKey()
  const kept = await rows.change('keys', 'seal', (before) =>
    isSealingKey(before) ? undefined : made,
  )
  if (!isSealingKey(kept)) throw new TypeError('There is no key to seal the store with.')
  return kept
}

const readAccount = (bytes: Uint8Array | undefined): KnownAccount | undefined => {
  if (!bytes) return undefined
  return JSON.parse(new TextDecoder().decode(bytes)) as KnownAccount
}

/** Opens the store; `onUnavailable` is told where it lives in memory only. */
export const openProfileStore = async (onUnavailable: () => void): Promise<ProfileStore> => {
  const rows = steadyRows(indexedRows<Area>('hearthold', areas), onUnavailable)
  const sealing = createSealing(await sealingKey(rows))
  const get = async (area: Area, key: string) => {
    const sealed = await rows.get(area, key)
    return sealed === undefined ? undefined : sealing.open(`${area}/${key}`, sealed)
  }
  const put = async (area: Area, key: string, plain: Uint8Array) =>
    rows.put(area, key, await sealing.seal(`${area}/${key}`, plain))
  const clear = async (area: Area, but?: string): Promise<void> => {
    for (const [key] of await rows.entries(area)) if (key !== but) await rows.remove(area, key)
  }
  return {
    sealing,
    deviceSeed: () => get('device', 'seed'),
    putDeviceSeed: (seed) => put('device', 'seed', seed),
    account: async (account) => readAccount(await get('accounts', account)),
    putAccount: (known) =>
      put('accounts', known.account, new TextEncoder().encode(JSON.stringify(known))),
    methodSecret: (account) => get('methods', account),
    putMethodSecret: (account, secret) => put('methods', account, secret),
    removeMethodSecret: (account) => rows.remove('methods', account),
    answer: (name) => get('answers', name),
    putAnswer: (name, bytes) => put('answers', name, bytes),
    keepMethodOnlyOf: (account) => clear('methods', account),
    forgetSession: async () => {
      await clear('methods')
      await clear('answers')
    },
  }
}
