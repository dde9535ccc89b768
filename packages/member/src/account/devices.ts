/** Devices of an unlocked account: enrol this one, list, forget, revoke. */
import { bindSessionDevice, ProblemError } from '@hearthold/contract'
import {
  type Bytes,
  equalBytes,
  fromHex,
  generateSigningSeed,
  signSessionDevice,
  toHex,
} from '@hearthold/crypto'
import { type Device, retireReasons } from '@hearthold/model'
import type { DeviceKey } from '../logs/log-entries.ts'
import { enrolDraft, retireDraft } from './account-entries.ts'
import { appendToAccount } from './account-writer.ts'
import { changeState } from './state-change.ts'
import { deviceKeyOf, deviceOf, isEnrolled, refresh, type Unlocked } from './unlock.ts'

export type ListedDevice = {
  /** Hex. */
  readonly id: string
  readonly label: string
  readonly enrolledAt: number
  readonly retired: { readonly at: number; readonly reason: 'forgotten' | 'revoked' } | undefined
  /** True for this device. */
  readonly current: boolean
  /** True where it unlocks by itself. */
  readonly hasMethod: boolean
}

/**
 * Enrols this device: the root in the keyring certifies its key, which signs its own enrolment. `seed` is the device's
 * seed where it has one already (32 bytes); keep the one in the answer before anything else. A key that is enrolled
 * already is taken as it is.
 */
export const enrolDevice = async (
  member: Unlocked,
  label: string,
  seed: Bytes = generateSigningSeed(),
): Promise<DeviceKey> => {
  const device = deviceKeyOf(seed)
  await refresh(member)
  if (!isEnrolled(member.account, device)) {
    const rootKey = member.account.rootKey()
    const account = fromHex(member.accountId)
    await appendToAccount(member, device, async () => ({
      drafts: [
        await enrolDraft(
          { account, keyring: member.keys.keyring, rootKey },
          { publicKey: device.publicKey, label },
        ),
      ],
    }))
  }
  member.device = device
  return device
}

/** Ties a session (id in hex) to this device, so that revoking the device ends it. */
export const bindDevice = async (member: Unlocked, session: string): Promise<void> => {
  const { id, seed } = deviceOf(member)
  const signature = await signSessionDevice(seed, fromHex(session), fromHex(id))
  await member.context.client.call(bindSessionDevice, {
    body: { device: id, signature: toHex(signature) },
  })
}

const retirementOf = (device: Device): ListedDevice['retired'] =>
  device.retiredAt === undefined
    ? undefined
    : {
        at: device.retiredAt,
        reason: device.retiredReason === retireReasons.revoked ? 'revoked' : 'forgotten',
      }

/** All devices that the account ever had, oldest first, with their labels opened. */
export const listDevices = async (member: Unlocked): Promise<ListedDevice[]> => {
  await refresh(member)
  const { methods } = member.account.state()
  const devices = [...member.account.view.devices.values()]
  return Promise.all(
    devices.map(async (device) => ({
      id: device.id,
      label: (await member.account.openLabel(member.keys.keyring, device.id)) ?? '',
      enrolledAt: device.enrolledAt,
      retired: retirementOf(device),
      current: device.id === member.device?.id,
      hasMethod: methods.some(({ id }) => equalBytes(id, fromHex(device.id))),
    })),
  )
}

const checkDevice = (member: Unlocked, id: string): void => {
  const device = member.account.view.devices.get(id)
  if (!device) throw new ProblemError('not_found', 'The account has no such device.')
  if (device.retiredSeq !== undefined) {
    throw new ProblemError('device_unknown', 'That device was retired before.')
  }
}

const methodsOf = (member: Unlocked, id: Bytes): Bytes[] =>
  member.account
    .state()
    .methods.map((method) => method.id)
    .filter((method) => equalBytes(method, id))

/**
 * Forgets a device that is in good hands: it may not write any more and its device method goes. Nothing is rotated.
 * A device may forget itself.
 */
export const forgetDevice = async (member: Unlocked, id: string): Promise<void> => {
  await refresh(member)
  checkDevice(member, id)
  const device = fromHex(id)
  const own = deviceOf(member)
  if (methodsOf(member, device).length > 0) {
    await changeState(member, () => ({ remove: methodsOf(member, device), rotate: false }))
  }
  await appendToAccount(member, own, () =>
    Promise.resolve({
      drafts: [retireDraft(member.keys.keyring, device, retireReasons.forgotten)],
    }),
  )
  if (own.id === id) member.device = undefined
}

/**
 * Revokes a lost or stolen device, in one atomic append: it is retired, its method goes, the account key and all
 * domain keys are made new, and every share gets a new epoch. Its sessions end. What it could read before, it
 * may have kept. ProblemError('bad_request') for this device itself: revoke it from another, or forget it.
 */
export const revokeDevice = async (
  member: Unlocked,
  id: string,
): Promise<{ sessionsEnded: number }> => {
  await refresh(member)
  checkDevice(member, id)
  if (deviceOf(member).id === id) {
    throw new ProblemError(
      'bad_request',
      'A device cannot revoke itself: do it from another one, or forget it.',
    )
  }
  const device = fromHex(id)
  return changeState(member, () => ({
    before: [retireDraft(member.keys.keyring, device, retireReasons.revoked)],
    remove: methodsOf(member, device),
    rotate: true,
  }))
}
