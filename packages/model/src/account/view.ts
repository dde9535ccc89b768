import type { Bytes, IdentityBundle, MethodRecord } from '@hearthold/crypto'
import type { RetireFacts } from './facts.ts'

/** A device of an account. It may write from `enrolledSeq` until before `retiredSeq`. */
export type Device = {
  readonly id: string
  readonly publicKey: Bytes
  readonly enrolledSeq: number
  readonly enrolledAt: number
  retiredSeq: number | undefined
  retiredAt: number | undefined
  retiredReason: RetireFacts['reason'] | undefined
}

/** The newest signed state: which methods open the account key of which generation. */
export type SignedState = {
  readonly seq: number
  readonly generation: number
  readonly methods: readonly MethodRecord[]
  readonly keyringHash: Uint8Array
  readonly rootSignature: Bytes
}

/** What an account log says, to the server and to everybody who may read it. */
export type AccountView = {
  /** The log's own id in hex: every entry's author. */
  readonly log: string
  readonly salt: Bytes
  accountId: Bytes | undefined
  rootKey: Bytes | undefined
  instanceKey: Bytes | undefined
  state: SignedState | undefined
  identity: IdentityBundle | undefined
  /** Number of the newest profile entry; its body is sealed. */
  profileSeq: number | undefined
  readonly devices: Map<string, Device>
}

/** The device, if the account certifies it at number `gov` of its log. */
export const deviceAt = (view: AccountView, device: string, gov: number): Device | undefined => {
  const found = view.devices.get(device)
  if (!found || found.enrolledSeq > gov) return undefined
  return found.retiredSeq !== undefined && found.retiredSeq <= gov ? undefined : found
}

/** Devices that may write now. */
export const activeDevices = (view: AccountView): Device[] =>
  [...view.devices.values()].filter((device) => device.retiredSeq === undefined)
