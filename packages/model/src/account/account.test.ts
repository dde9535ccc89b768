import {
  accountLogSalt,
  certifyDevice,
  createAccountState,
  createIdentityBundle,
  createKeyring,
  createMethod,
  currentIdentity,
  deviceId,
  genesisHash,
  generateSigningSeed,
  logIdOf,
  type MethodRecord,
  methodType,
  type MethodType,
  randomBytes,
  randomId,
  signAccountState,
  signingPublicKey,
  toHex,
} from '@hearthold/crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Act } from '../rules.ts'
import { accountEntryKinds } from '../kinds.ts'
import {
  type AccountFacts,
  decodeAccountFacts,
  encodeAccountFacts,
  retireReasons,
} from './facts.ts'
import { accountRules, signedStateOf } from './rules.ts'
import { type AccountView, deviceAt } from './view.ts'

const account = randomId()
const keyring = createKeyring()
const rootKey = signingPublicKey(keyring.rootSeed)
const accountKey = randomBytes(32)
const bodyHash = randomBytes(32)
const [firstSeed, secondSeed] = [generateSigningSeed(), generateSigningSeed()]
const idOf = (seed: Uint8Array): string => toHex(deviceId(signingPublicKey(seed)))
const first = idOf(firstSeed)
const second = idOf(secondSeed)

const act = (seq: number, device: string, facts: AccountFacts): Act<AccountFacts> => ({
  kind: accountEntryKinds[facts.entry],
  author: log,
  device,
  epoch: 1,
  seq,
  at: seq,
  gov: 0,
  bodyHash,
  facts: decodeAccountFacts(accountEntryKinds[facts.entry], encodeAccountFacts(facts)),
})

const enrolFacts = async (
  seed: Uint8Array,
  over: Partial<{ rootSeed: Uint8Array; account: Uint8Array }> = {},
) => ({
  entry: 'enrol' as const,
  accountId: (over.account ?? account) as typeof account,
  rootKey: signingPublicKey(over.rootSeed ?? keyring.rootSeed),
  deviceKey: signingPublicKey(seed),
  certificate: await certifyDevice(
    over.rootSeed ?? keyring.rootSeed,
    over.account ?? account,
    signingPublicKey(seed),
  ),
})

const secretLength: Record<number, number> = { 1: 64, 3: 20, 5: 32 }
const method = (type: MethodType, generation = 1): Promise<MethodRecord> =>
  createMethod(
    randomBytes(secretLength[type]!),
    { account, type, id: randomId(), generation },
    { accountKey, rootPublicKey: rootKey },
  )

const stateFacts = async (
  seq: number,
  methods: readonly MethodRecord[],
  generation = 1,
  rootSeed: Uint8Array = keyring.rootSeed,
): Promise<AccountFacts> => {
  const state = createAccountState({ account, generation, counter: seq }, new Uint8Array(), methods)
  const rootSignature = await signAccountState(rootSeed, { ...state, keyringHash: bodyHash })
  return { entry: 'state', generation, methods, rootSignature }
}

const genesis = {
  kind: 1,
  rules: 1,
  founder: new Uint8Array(16),
  governing: new Uint8Array(16),
  salt: accountLogSalt(account, rootKey, signingPublicKey(firstSeed)),
}
const log = toHex(logIdOf(genesisHash(genesis)))

const newView = (): AccountView => accountRules.create(genesis)
const take = async (view: AccountView, one: Act<AccountFacts>): Promise<string | undefined> => {
  const refusal = (await accountRules.verify(view, one)) ?? accountRules.may(view, one, undefined)
  if (refusal) return refusal.code
  expect(accountRules.apply(view, one).refusals).toEqual([])
  return undefined
}

let password: MethodRecord
let recovery: MethodRecord
beforeAll(async () => {
  password = await method(methodType.password)
  recovery = await method(methodType.recovery)
})

/** enrol, state: an account that stands. */
const founded = async (): Promise<AccountView> => {
  const view = newView()
  expect(await take(view, act(1, first, await enrolFacts(firstSeed)))).toBeUndefined()
  expect(await take(view, act(2, first, await stateFacts(2, [password, recovery])))).toBeUndefined()
  return view
}

describe('the account log', () => {
  it('begins with the device, root and account that its genesis hashes', async () => {
    const other = generateSigningSeed()
    expect(await take(newView(), act(1, second, await enrolFacts(secondSeed)))).toBe(
      'entry_refused',
    )
    expect(
      await take(newView(), act(1, first, await enrolFacts(firstSeed, { rootSeed: other }))),
    ).toBe('entry_refused')
    expect(
      await take(newView(), act(1, first, await enrolFacts(firstSeed, { account: randomId() }))),
    ).toBe('entry_refused')
    expect(await take(newView(), act(1, second, await enrolFacts(firstSeed)))).toBe('entry_refused')
  })

  it('takes entries of its own account only', async () => {
    const foreign = { ...act(3, first, { entry: 'profile' }), author: toHex(randomId()) }
    expect(await take(await founded(), foreign)).toBe('entry_refused')
  })

  it('takes further devices under the same root only', async () => {
    const view = await founded()
    const stolen = await enrolFacts(secondSeed, { rootSeed: generateSigningSeed() })
    expect(await take(view, act(3, second, stolen))).toBe('entry_refused')
    const uncertified = { ...(await enrolFacts(secondSeed)), certificate: stolen.certificate }
    expect(await take(view, act(3, second, uncertified))).toBe('signature_invalid')
    expect(await take(view, act(3, second, await enrolFacts(secondSeed)))).toBeUndefined()
    expect(await take(view, act(4, second, await enrolFacts(secondSeed)))).toBe('entry_refused')
  })

  it('lets a retired device write no more, and tells from when on', async () => {
    const view = await founded()
    await take(view, act(3, second, await enrolFacts(secondSeed)))
    const retire: AccountFacts = {
      entry: 'retire',
      device: deviceId(signingPublicKey(secondSeed)),
      reason: retireReasons.revoked,
    }
    expect(await take(view, act(4, first, retire))).toBeUndefined()
    expect(await take(view, act(5, second, { entry: 'profile' }))).toBe('device_unknown')
    expect(await take(view, act(5, first, retire))).toBe('entry_refused')
    expect(await take(view, act(5, second, await enrolFacts(secondSeed)))).toBe('entry_refused')
    expect([2, 3, 4].map((gov) => deviceAt(view, second, gov) !== undefined)).toEqual([
      false,
      true,
      false,
    ])
  })

  it.each([
    [
      'without a recovery key',
      async () => stateFacts(3, [password, await method(methodType.device)]),
      'method_required',
    ],
    ['with the recovery key alone', async () => stateFacts(3, [recovery]), 'method_required'],
    [
      'with two recovery keys',
      async () => stateFacts(3, [password, recovery, await method(methodType.recovery)]),
      'method_required',
    ],
    [
      'with two passwords',
      async () => stateFacts(3, [password, recovery, await method(methodType.password)]),
      'entry_refused',
    ],
    [
      'that skips a generation',
      async () => stateFacts(3, [password, recovery], 3),
      'entry_refused',
    ],
    [
      'signed by another root',
      async () => stateFacts(3, [password, recovery], 1, generateSigningSeed()),
      'signature_invalid',
    ],
    [
      'signed for another number',
      async () => stateFacts(2, [password, recovery]),
      'signature_invalid',
    ],
  ])('refuses a state %s', async (_name, facts, code) => {
    expect(await take(await founded(), act(3, first, await facts()))).toBe(code)
  })

  it('refuses methods other than those that the root signed', async () => {
    const signed = await stateFacts(3, [password, recovery])
    const injected = {
      ...signed,
      methods: [recovery, await method(methodType.password)],
    } as AccountFacts
    expect(await take(await founded(), act(3, first, injected))).toBe('signature_invalid')
  })

  it('reads a state back as it was signed', async () => {
    const view = await founded()
    expect(view.state).toMatchObject({ seq: 2, generation: 1, methods: [password, recovery] })
    const facts = decodeAccountFacts(
      2,
      encodeAccountFacts(await stateFacts(2, [password, recovery])),
    )
    const state = signedStateOf(account, { seq: 2, bodyHash }, facts as never)
    expect(state.methods.map(({ id }) => toHex(id)).sort()).toEqual(
      [password, recovery].map(({ id }) => toHex(id)).sort(),
    )
  })

  it('takes identities of this account in order, and one pin', async () => {
    const view = await founded()
    const bundle = await createIdentityBundle(keyring.rootSeed, account, currentIdentity(keyring))
    const foreign = await createIdentityBundle(
      generateSigningSeed(),
      account,
      currentIdentity(keyring),
    )
    expect(await take(view, act(3, first, { entry: 'identity', ...foreign }))).toBe('entry_refused')
    expect(
      await take(
        view,
        act(3, first, { entry: 'identity', ...bundle, signature: foreign.signature }),
      ),
    ).toBe('signature_invalid')
    expect(await take(view, act(3, first, { entry: 'identity', ...bundle }))).toBeUndefined()
    expect(await take(view, act(4, first, { entry: 'identity', ...bundle }))).toBe('entry_refused')
    expect(await take(view, act(4, first, { entry: 'pin', instanceKey: rootKey }))).toBeUndefined()
    expect(await take(view, act(5, first, { entry: 'pin', instanceKey: rootKey }))).toBe(
      'entry_refused',
    )
  })

  it('refuses cut and lengthened facts of every kind', async () => {
    const all: AccountFacts[] = [
      await enrolFacts(firstSeed),
      await stateFacts(2, [password, recovery]),
      { entry: 'pin', instanceKey: rootKey },
      { entry: 'retire', device: randomId(), reason: retireReasons.forgotten },
    ]
    for (const facts of all) {
      const kind = accountEntryKinds[facts.entry]
      const good = encodeAccountFacts(facts)
      expect(decodeAccountFacts(kind, good)).toEqual(facts)
      for (const bad of [good.slice(0, -1), new Uint8Array([...good, 0]), good.slice(0, 3)]) {
        expect(() => decodeAccountFacts(kind, bad)).toThrow(
          expect.objectContaining({ name: 'IntegrityError' }),
        )
      }
    }
    expect(() => decodeAccountFacts(99, new Uint8Array())).toThrow(
      expect.objectContaining({ code: 'log_unknown_version' }),
    )
  })
})
