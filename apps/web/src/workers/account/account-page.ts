/** The account page: methods, devices and sessions of the unlocked account. */
import {
  endManySessions,
  endOneSession,
  finishTotpChange,
  listSessions,
  ProblemError,
  replaceBackupCodes,
  startTotpChange,
} from '@hearthold/contract'
import {
  addDeviceMethod,
  addPasskey,
  addPassword,
  changePassword,
  deviceOf,
  forgetDevice,
  listDevices,
  listMethods,
  listPasskeys,
  removeMethod,
  removePasskey,
  renamePasskey,
  replaceRecoveryKey,
  revokeDevice,
} from '@hearthold/member'
import type { AccountApi, Me, MethodRow, SignUpSteps } from './api.ts'
import { authenticatorOf } from './ceremonies.ts'
import { type Desk, dropKeys } from './desk.ts'
import { rememberMethod } from './enter.ts'
import { withLock } from './locks.ts'

const methodRows = async (desk: Desk): Promise<MethodRow[]> => {
  const { member } = desk.unlocked()
  const methods = await listMethods(member)
  const devices = new Map((await listDevices(member)).map((device) => [device.id, device]))
  const passkeys = await listPasskeys(member)
  const others = methods
    .filter(({ type }) => type !== 'passkey')
    .map(({ id, type, current }) => ({
      id,
      type,
      label: devices.get(id)?.label ?? '',
      canUnlock: true,
      current,
      createdAt: devices.get(id)?.enrolledAt,
    }))
  return [
    ...others,
    ...passkeys.map(({ id, label, canUnlock, current, createdAt }) => ({
      id,
      type: 'passkey' as const,
      label: label ?? '',
      canUnlock,
      current,
      createdAt,
    })),
  ]
}

const codeAttempts = 5

const proofOf = (secondFactor: string | undefined) =>
  secondFactor === undefined ? {} : { secondFactor }

/** A new authenticator: asked for its code until one is right. */
const setAuthenticator = async (
  { client }: Desk,
  secondFactor: string | undefined,
  steps: Pick<SignUpSteps, 'keepTotp' | 'onWrongCode'>,
): Promise<void> => {
  const started = await client.call(startTotpChange, { body: proofOf(secondFactor) })
  const { change, totpSecret: secret, totpUri: uri } = started
  let totpCode = await steps.keepTotp({ secret, uri })
  for (let attempt = 1; ; attempt++) {
    try {
      await client.call(finishTotpChange, { body: { change, totpCode } })
      return
    } catch (error) {
      const wrong = error instanceof ProblemError && error.code === 'second_factor_wrong'
      if (!wrong || attempt >= codeAttempts) throw error
      totpCode = await steps.onWrongCode()
    }
  }
}

const unlocksByItself = async (desk: Desk, wanted: boolean): Promise<void> => {
  const { member, account } = desk.unlocked()
  const profile = await desk.profile()
  if (wanted) return rememberMethod(profile, account, await addDeviceMethod(member))
  const { id } = deviceOf(member)
  const methods = await listMethods(member)
  if (methods.some((method) => method.id === id)) await removeMethod(member, id)
  await profile.removeMethodSecret(account)
}

type Changing = <T>(work: () => Promise<T>) => Promise<T>
type SecretsApi = Pick<
  AccountApi,
  | 'changePassword'
  | 'addPassword'
  | 'replaceAuthenticator'
  | 'replaceBackupCodes'
  | 'replaceRecoveryKey'
>

/** What the page shows of the account is told anew where it changes here. */
const alterMe = ({ current }: Desk, change: Partial<Me>): void => {
  if (current) current.me = { ...current.me, ...change }
}

const createSecrets = (desk: Desk, changing: Changing): SecretsApi => {
  const member = () => desk.unlocked().member
  return {
    changePassword: (input) => changing(async () => void (await changePassword(member(), input))),
    addPassword: ({ password }, steps) =>
      changing(async () => {
        const { backupCodes } = await addPassword(member(), {
          password,
          keepTotp: (totp) => steps.keepTotp(totp),
          onWrongCode: () => steps.onWrongCode(),
        })
        alterMe(desk, { hasPassword: true, backupCodesLeft: backupCodes.length })
        return { backupCodes }
      }),
    replaceAuthenticator: ({ oldCode }, steps) =>
      changing(() => setAuthenticator(desk, oldCode, steps)),
    replaceBackupCodes: async ({ code }) => {
      const body = proofOf(code)
      const { backupCodes } = await desk.client.call(replaceBackupCodes, { body })
      alterMe(desk, { backupCodesLeft: backupCodes.length })
      return backupCodes
    },
    replaceRecoveryKey: (keepNew) =>
      changing(async () => void (await replaceRecoveryKey(member(), (text) => keepNew(text)))),
  }
}

const removeOne = async (desk: Desk, method: string, secondFactor?: string): Promise<void> => {
  const { member, account } = desk.unlocked()
  const passkeys = await listPasskeys(member)
  if (passkeys.some(({ id }) => id === method)) await removePasskey(member, method)
  else await removeMethod(member, method, secondFactor)
  if (method === deviceOf(member).id) await (await desk.profile()).removeMethodSecret(account)
}

const forgetOne = async (desk: Desk, device: string): Promise<void> => {
  const { member, account } = desk.unlocked()
  const own = deviceOf(member).id === device
  await forgetDevice(member, device)
  if (!own) return
  await (await desk.profile()).removeMethodSecret(account)
  dropKeys(desk)
  desk.tabs.tell({ news: 'signed-out', account })
  desk.events.tell({ type: 'signed-out', reason: 'revoked' })
}

/** Account of the API. Changes of methods run one at a time over all tabs of this browser. */
export const createAccountPage = (desk: Desk): AccountApi => {
  const { client } = desk
  const member = () => desk.unlocked().member
  const changing: Changing = (work) => withLock('identity', work)
  return {
    ...createSecrets(desk, changing),
    methods: () => methodRows(desk),
    devices: async () =>
      (await listDevices(member())).map(({ hasMethod, ...device }) => ({
        ...device,
        unlocksByItself: hasMethod,
      })),
    sessions: async () => {
      const { sessions } = await client.call(listSessions)
      return sessions.map(({ device, ...session }) => ({ ...session, device: device ?? undefined }))
    },
    addPasskey: (label, ceremonies) =>
      changing(async () => {
        const authenticator = authenticatorOf({
          makePasskey: (options) => ceremonies.makePasskey(options),
          getAssertion: (options) => ceremonies.getAssertion(options),
        })
        const { canUnlock } = await addPasskey(member(), { authenticator, label })
        return { canUnlock }
      }),
    renamePasskey: (method, label) => renamePasskey(member(), method, label),
    removeMethod: (method, secondFactor) => changing(() => removeOne(desk, method, secondFactor)),
    forgetDevice: (device) => changing(() => forgetOne(desk, device)),
    revokeDevice: (device) => changing(async () => void (await revokeDevice(member(), device))),
    endSession: async (session) => void (await client.call(endOneSession, { params: { session } })),
    endOtherSessions: async () =>
      (await client.call(endManySessions, { query: { scope: 'others' } })).ended,
    setUnlocksByItself: (wanted) => changing(() => unlocksByItself(desk, wanted)),
  }
}
