import { beforeAll, describe, expect, test } from 'vitest'
import { type Bytes, randomBytes, randomId } from '../bytes.ts'
import { refusalOf } from '../oracle/tamper.oracle.ts'
import { generateSigningSeed, signingPublicKey } from '../signature.ts'
import { createKeyring, type Keyring, sealKeyring } from './keyring.ts'
import { createMethod, type MethodRecord, sealAnchor, wrapAccountKey } from './method-keys.ts'
import { createAccountState, getStateMethod, signAccountState } from './state.ts'
import { type ServedAccount, unlockAccount } from './unlock.ts'

const account = randomId()
const [passwordSecret, recoverySecret] = [randomBytes(64), randomBytes(20)]
const passwordPlace = { account, type: 1, id: randomId(), generation: 1 } as const
const recoveryPlace = { account, type: 3, id: randomId(), generation: 1 } as const

type Made = { keyring: Keyring; accountKey: Bytes; methods: MethodRecord[]; served: ServedAccount }

/** An account with a password and a recovery key, as a server would hand it out for one of them. */
const make = async (counter: number, generation: number, keyring: Keyring): Promise<Made> => {
  const accountKey = randomBytes(32)
  const keys = { accountKey, rootPublicKey: signingPublicKey(keyring.rootSeed) }
  const methods = [
    await createMethod(passwordSecret, { ...passwordPlace, generation }, keys),
    await createMethod(recoverySecret, { ...recoveryPlace, generation }, keys),
  ]
  const sealedKeyring = await sealKeyring(accountKey, { account, generation }, keyring)
  const state = createAccountState({ account, generation, counter }, sealedKeyring, methods)
  const stateSignature = await signAccountState(keyring.rootSeed, state)
  const served = { state, stateSignature, sealedKeyring, method: methods[0]! }
  return { keyring, accountKey, methods, served }
}

let honest: Made
beforeAll(async () => {
  honest = await make(1, 1, createKeyring())
})

const unlock = (served: ServedAccount, known: { seenCounter?: number; pinnedRoot?: Bytes } = {}) =>
  unlockAccount(passwordSecret, served, { account, seenCounter: 0, ...known })

/** What a server that knows every public key can forge: a wrap of an account key of its choice. */
const forgeWrap = async (accountKey: Bytes): Promise<Bytes> =>
  wrapAccountKey(honest.methods[0]!.publicKey, accountKey, passwordPlace)

describe('unlock', () => {
  test('by either method', async () => {
    const { accountKey, keyring, rootPublicKey } = await unlock(honest.served)
    expect(accountKey).toEqual(honest.accountKey)
    expect(keyring).toEqual(honest.keyring)
    const served = { ...honest.served, method: honest.methods[1]! }
    const again = await unlockAccount(recoverySecret, served, {
      account,
      seenCounter: 1,
      pinnedRoot: rootPublicKey,
    })
    expect(again.keyring).toEqual(honest.keyring)
  })

  test('a forged account key, alone and with a keyring for it', async () => {
    const evilKey = randomBytes(32)
    const method = { ...honest.served.method, wrap: await forgeWrap(evilKey) }
    expect(await refusalOf(() => unlock({ ...honest.served, method }))).toBe('account_state')
    const sealedKeyring = await sealKeyring(evilKey, { account, generation: 1 }, createKeyring())
    const both = { ...honest.served, method, sealedKeyring }
    expect(await refusalOf(() => unlock(both))).toBe('account_state')
  })

  test('a forged account key with an evil root that signs everything', async () => {
    const evil = createKeyring()
    const evilKey = randomBytes(32)
    const wrap = await forgeWrap(evilKey)
    const method = { ...honest.served.method, wrap }
    const sealedKeyring = await sealKeyring(evilKey, { account, generation: 1 }, evil)
    const place = { account, generation: 1, counter: 1 }
    const state = createAccountState(place, sealedKeyring, [method])
    const stateSignature = await signAccountState(evil.rootSeed, state)
    const served = { state, stateSignature, sealedKeyring, method }
    expect(await refusalOf(() => unlock(served))).toBe('account_state')
    // The anchor is what names the root, and without the secret it cannot be made.
    const root = signingPublicKey(evil.rootSeed)
    const anchor = await sealAnchor(randomBytes(64), root, passwordPlace)
    const anchored = { ...served, method: { ...method, anchor } }
    expect(await refusalOf(() => unlock(anchored))).toBe('account_anchor')
  })

  test('an injected method, a swapped wrap, a swapped public key, another type', async () => {
    const [password, recovery] = honest.methods as [MethodRecord, MethodRecord]
    const served = (method: Partial<MethodRecord>) => ({
      ...honest.served,
      method: { ...password, ...method },
    })
    const code = (method: Partial<MethodRecord>) => refusalOf(() => unlock(served(method)))
    expect(await code({ wrap: recovery.wrap })).toBe('account_state')
    expect(await code({ publicKey: recovery.publicKey })).toBe('account_state')
    expect(await code({ anchor: recovery.anchor })).toBe('account_anchor')
    expect(await code({ id: recovery.id })).toBe('account_anchor')
    expect(await code({ wrap: password.wrap.slice(1) })).toBe('account_state')
    const injected = { ...passwordPlace, id: randomId() }
    const rootPublicKey = signingPublicKey(honest.keyring.rootSeed)
    const keys = { accountKey: randomBytes(32), rootPublicKey }
    const added = await createMethod(passwordSecret, injected, keys)
    expect(await code(added)).toBe('account_state')
  })

  test('a state of another account, generation or counter, and one not signed', async () => {
    const { state } = honest.served
    const code = (changed: Partial<typeof state>) =>
      refusalOf(() => unlock({ ...honest.served, state: { ...state, ...changed } }))
    expect(await code({ account: randomId() })).toBe('account_state')
    expect(await code({ generation: 2 })).toBe('account_state')
    expect(await code({ counter: 9 })).toBe('account_state')
    expect(await code({ keyringHash: randomBytes(32) })).toBe('account_state')
    expect(await code({ methods: state.methods.slice(0, 1) })).toBe('account_state')
    const elsewhere = unlockAccount(passwordSecret, honest.served, {
      account: randomId(),
      seenCounter: 0,
    })
    expect(await refusalOf(() => elsewhere)).toBe('account_anchor')
  })

  test('a state that the same root signed for another account', async () => {
    const place = { account: randomId(), generation: 1, counter: 1 }
    const state = createAccountState(place, honest.served.sealedKeyring, honest.methods)
    const stateSignature = await signAccountState(honest.keyring.rootSeed, state)
    const served = { ...honest.served, state, stateSignature }
    expect(await refusalOf(() => unlock(served))).toBe('account_state')
  })

  test('what is served for a method must be what was signed, field by field', async () => {
    const { state } = honest.served
    const [method, other] = honest.methods as [MethodRecord, MethodRecord]
    const check = (served: MethodRecord) => refusalOf(() => getStateMethod(state, served))
    expect(getStateMethod(state, method).id).toEqual(method.id)
    expect(await check({ ...method, type: 2 })).toBe('account_state')
    expect(await check({ ...method, id: randomId() })).toBe('account_state')
    expect(await check({ ...method, publicKey: other.publicKey })).toBe('account_state')
    expect(await check({ ...method, wrap: other.wrap })).toBe('account_state')
    expect(await check({ ...method, wrap: new Uint8Array(0) })).toBe('account_state')
  })

  test('an old state where the device remembers a newer; a fresh device cannot tell', async () => {
    const newer = await make(2, 2, honest.keyring)
    expect(await refusalOf(() => unlock(newer.served, { seenCounter: 2 }))).toBe('returned')
    const code = await refusalOf(() => unlock(honest.served, { seenCounter: 2 }))
    expect(code).toBe('account_rolled_back')
    expect(await refusalOf(() => unlock(honest.served))).toBe('returned')
    // Pieces of two honest states do not mix.
    const mixed = { ...newer.served, method: honest.methods[0]! }
    expect(await refusalOf(() => unlock(mixed))).toBe('account_state')
    const oldKeyring = { ...newer.served, sealedKeyring: honest.served.sealedKeyring }
    expect(await refusalOf(() => unlock(oldKeyring))).toBe('account_state')
  })

  test('another root than the one this device pinned, and a keyring of another root', async () => {
    const pinnedRoot = signingPublicKey(generateSigningSeed())
    expect(await refusalOf(() => unlock(honest.served, { pinnedRoot }))).toBe('account_anchor')
    const stranger = { ...honest.keyring, rootSeed: generateSigningSeed() }
    const place = { account, generation: 1, counter: 1 }
    const sealedKeyring = await sealKeyring(honest.accountKey, place, stranger)
    const state = createAccountState(place, sealedKeyring, honest.methods)
    const stateSignature = await signAccountState(honest.keyring.rootSeed, state)
    const served = { ...honest.served, sealedKeyring, state, stateSignature }
    expect(await refusalOf(() => unlock(served))).toBe('account_keyring')
  })

  test('a wrong secret is refused at the anchor, a missing one before', async () => {
    const wrong = unlockAccount(randomBytes(64), honest.served, { account, seenCounter: 0 })
    expect(await refusalOf(() => wrong)).toBe('account_anchor')
    const missing = unlockAccount(new Uint8Array(0), honest.served, { account, seenCounter: 0 })
    await expect(missing).rejects.toThrow(RangeError)
  })
})
