/** What a lying server can do to somebody who signs up, and to an account of which it makes a copy of its own. */
import { createInvitation, finishSignUp, getInstance, startSignUp } from '@hearthold/contract'
import {
  accountLogSalt,
  type Bytes,
  createKeyring,
  decodeReceipts,
  encodeReceipts,
  fromB64,
  fromHex,
  generateSigningSeed,
  type Genesis,
  genesisHash,
  logIdOf,
  type MethodRecord,
  noLog,
  noPlace,
  randomBytes,
  signingPublicKey,
  signReceipt,
  toB64,
  toHex,
  wrapAccountKey,
} from '@hearthold/crypto'
import { createAccount, totpCode, unlock } from '@hearthold/member'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  enrolDraft,
  identityDraft,
  pinDraft,
  profileDraft,
  stateDraft,
  type StateKeys,
} from '../../packages/member/src/account/account-entries.ts'
import { deviceKeyOf } from '../../packages/member/src/account/unlock.ts'
import { signDrafts } from '../../packages/member/src/logs/log-entries.ts'
import { type Lie, rewriteJson, truth } from './answers.ts'
import { type ForgedLog, readHonestly, serve } from './forged-log.ts'
import { createWorld, type LiedTo, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world.stop())

let count = 0
/** Signs a new member up through the lie. */
const signUp = async (lie: Lie) => {
  const { invitation } = await world.ada.device.client.call(createInvitation, {
    body: { role: 'member', uses: 1, validHours: 1 },
  })
  const device = world.device(lie)
  device.setToken(undefined)
  const created = await createAccount(device.context, {
    pass: { invitation },
    name: `member ${++count}`,
    way: {
      kind: 'password',
      password: 'a password that is long enough',
      keepTotp: ({ secret }) => {
        const made = totpCode(secret, device.context.now!())
        return 'code' in made ? Promise.resolve(made.code) : Promise.reject(new Error('no code'))
      },
    },
    deviceLabel: 'device',
    deviceMethod: true,
    keepRecoveryKey: () => Promise.resolve(),
    transport: 'bearer',
  })
  device.setToken(created.token)
  return { device, created }
}

describe('a sign-up at a lying server', () => {
  const otherKey = toHex(signingPublicKey(generateSigningSeed()))
  const receipts = (change: (encoded: string) => Promise<string> | string): Lie =>
    rewriteJson(finishSignUp, async (answer) => ({
      ...answer,
      receipts: await change(answer['receipts'] as string),
    }))
  const resigned = (fields: object, seed?: Uint8Array) => async (encoded: string) => {
    const [receipt] = decodeReceipts(fromB64(encoded))
    return toB64(
      encodeReceipts([await signReceipt({ ...receipt!, ...fields }, seed ?? world.receiptSeed)]),
    )
  }
  const passkeyWay = {
    kind: 'passkey',
    options: {
      rp: { id: 'localhost', name: 'Hearthold' },
      user: { id: 'AAAA', name: 'x', displayName: 'x' },
      challenge: 'AAAA',
      pubKeyCredParams: [],
      timeout: 1,
      attestation: 'none',
      authenticatorSelection: {
        residentKey: 'required',
        requireResidentKey: true,
        userVerification: 'required',
      },
      excludeCredentials: [],
    },
  }
  const rewriteWay = (lies: object): Lie =>
    rewriteJson(startSignUp, (answer) => ({
      ...answer,
      way: { ...(answer['way'] as object), ...lies },
    }))
  const cases: readonly (readonly [string, string, () => Lie])[] = [
    [
      'that names one key here and another there',
      'instance_key',
      () => rewriteJson(startSignUp, (answer) => ({ ...answer, instanceKey: otherKey })),
    ],
    [
      'that names another key when asked who it is',
      'instance_key',
      () => rewriteJson(getInstance, (answer) => ({ ...answer, instanceKey: otherKey })),
    ],
    ['that asks for another stretching of the password', 'protocol', () => rewriteWay({ ksf: 0 })],
    [
      'that answers no OPAQUE message',
      'malformed',
      () => rewriteWay({ registrationResponse: toB64(new Uint8Array(64).fill(255)) }),
    ],
    [
      'that answers for another way to sign up',
      'malformed',
      () => rewriteJson(startSignUp, (answer) => ({ ...answer, way: passkeyWay })),
    ],
    ['that gives no receipt', 'log_receipt', () => receipts(() => toB64(encodeReceipts([])))],
    [
      'that gives a receipt of another key',
      'log_receipt',
      () => receipts(resigned({}, generateSigningSeed())),
    ],
    ['that counts other entries', 'log_receipt', () => receipts(resigned({ seq: 4 }))],
    [
      'that says it made another account',
      'account_state',
      () => rewriteJson(finishSignUp, (answer) => ({ ...answer, account: 'ab'.repeat(16) })),
    ],
    [
      'that says it made another log',
      'account_state',
      () => rewriteJson(finishSignUp, (answer) => ({ ...answer, log: 'ab'.repeat(16) })),
    ],
  ]
  it.each(cases)('%s: %s', async (_name, code, lie) => {
    const made = signUp(lie())
    const named = code === 'protocol' ? { kind: code } : { code, name: 'IntegrityError' }
    await expect(made).rejects.toMatchObject(named)
  })

  it('whose receipt is for another history than it shows: account_rolled_back', async () => {
    const { device, created } = await signUp(receipts(resigned({ chain: randomBytes(32) })))
    device.tell(truth)
    const opened = unlock(device.context, created, created.unlockBy, created.device)
    await expect(opened).rejects.toMatchObject({ code: 'account_rolled_back' })
  })

  it('that is honest again: works', async () => {
    const { device, created } = await signUp(truth)
    const opened = await unlock(device.context, created, created.unlockBy, created.device)
    expect(opened.device?.id).toBe(created.device.id)
  })
})

describe('a whole other account log, all signed under a root of the liar', () => {
  /** Root, keyring and device are the liar's; account id, method ids and public keys are ada's. */
  const evilLog = async (
    change: (method: MethodRecord, keys: StateKeys) => Promise<MethodRecord>,
  ): Promise<ForgedLog> => {
    const { ada } = world
    const account = fromHex(ada.created.account)
    const keys = { account, accountKey: randomBytes(32), generation: 1, keyring: createKeyring() }
    const rootKey = signingPublicKey(keys.keyring.rootSeed)
    const device = deviceKeyOf(generateSigningSeed())
    const honest = await readHonestly(ada.device.client, ada.created.log)
    const salt = accountLogSalt(account, rootKey, device.publicKey)
    const genesis: Genesis = { ...honest.genesis, founder: noLog, governing: noLog, salt }
    const chain: Bytes = genesisHash(genesis)
    const log = logIdOf(chain)
    const { methods } = ada.member.account.state()
    const drafts = [
      await enrolDraft(
        { account, keyring: keys.keyring, rootKey },
        { publicKey: device.publicKey, label: '' },
      ),
      await stateDraft(keys, await Promise.all(methods.map((method) => change(method, keys))), 2),
      pinDraft(keys.keyring, ada.member.account.instanceKey()),
      await identityDraft(keys),
      profileDraft(keys.keyring, 'ada'),
    ]
    const position = { seq: 0, chain, at: 0, gov: 0, own: new Map() }
    const place = {
      log,
      rules: 1,
      strict: true,
      position,
      author: log,
      device,
      basis: noPlace,
      clock: 0,
    }
    const signed = await signDrafts(place, drafts)
    const entries = signed.map((entry, i) => ({ ...entry, seq: i + 1, at: 1, gov: 0 }))
    return { log, genesis, entries }
  }
  const rewrapped = async (method: MethodRecord, keys: StateKeys): Promise<MethodRecord> => ({
    ...method,
    wrap: await wrapAccountKey(method.publicKey, keys.accountKey, {
      account: keys.account,
      type: method.type,
      id: method.id,
      generation: 1,
    }),
  })
  const openEvil = async (forged: ForgedLog) => {
    const { created } = world.ada
    const device: LiedTo = world.device(serve(forged, world.receiptSeed))
    const where = { account: created.account, log: toHex(forged.log) }
    return unlock(device.context, where, created.unlockBy, created.device)
  }

  it('with the true anchors, which name the true root: account_anchor', async () => {
    await expect(openEvil(await evilLog(rewrapped))).rejects.toMatchObject({
      code: 'account_anchor',
    })
  })

  it('with anchors of the liar: account_anchor', async () => {
    const forged = await evilLog(async (method, keys) => ({
      ...(await rewrapped(method, keys)),
      anchor: randomBytes(method.anchor.length),
    }))
    await expect(openEvil(forged)).rejects.toMatchObject({ code: 'account_anchor' })
  })

  it('with a method of the liar in the place of the true one: account_anchor', async () => {
    const forged = await evilLog(async (method, keys) => ({
      ...(await rewrapped(method, keys)),
      publicKey: randomBytes(method.publicKey.length),
      anchor: randomBytes(method.anchor.length),
    }))
    await expect(openEvil(forged)).rejects.toMatchObject({ code: 'account_anchor' })
  })
})
