import { describe, expect, test } from 'vitest'
import { randomBytes, toHex, utf8 } from '../bytes.ts'
import { IntegrityError } from '../integrity-error.ts'
import { createKeyring, rotateKeyring } from './keyring.ts'
import {
  openPasskeyLabel,
  passkeyId,
  passkeyPrfSalt,
  passkeyUserHandle,
  sealPasskeyLabel,
} from './passkey.ts'

const sequence = (count: number) => Uint8Array.from({ length: count }, (_, i) => i)

describe('a passkey', () => {
  test('has the PRF input, id and user handle that the format gives', () => {
    // printf %s hearthold/v1/passkey-prf | sha256sum
    expect(toHex(passkeyPrfSalt())).toBe(
      'e80c7f86322ff4080d9829a7d5ef338c785c3e27d4c2d0b76a1459a2690629c0',
    )
    // The credential id 00 01 ... 1f, by sha256sum.
    expect(toHex(passkeyId(sequence(32)))).toBe('630dcd2966c4336691125448bbb25b4f')
    // printf '\x00\x19hearthold/v1/passkey-user\x00\x10', then the account 00 01 ... 0f, by sha256sum.
    expect(toHex(passkeyUserHandle(sequence(16)))).toBe(
      'b5fb67de2d6190e106968e12c5fa3dff071cd4f8525f4e3823086a74ed023b8f',
    )
  })

  test('is of an account of 16 bytes', () => {
    for (const length of [0, 15, 17, 32])
      expect(() => passkeyUserHandle(new Uint8Array(length))).toThrow(RangeError)
  })
})

describe('a label', () => {
  const place = { account: randomBytes(16), passkey: randomBytes(16) }

  test('opens for its account, passkey and keyring only, also after a rotation', async () => {
    const keyring = createKeyring()
    const sealed = await sealPasskeyLabel(keyring, place, 'Phone 🌲')
    expect(sealed.length).toBe(4 + 28 + utf8('Phone 🌲').length)
    expect(await openPasskeyLabel(rotateKeyring(keyring), place, sealed)).toBe('Phone 🌲')
    for (const [ring, where] of [
      [createKeyring(), place],
      [keyring, { ...place, account: randomBytes(16) }],
      [keyring, { ...place, passkey: randomBytes(16) }],
    ] as const)
      await expect(openPasskeyLabel(ring, where, sealed)).rejects.toBeInstanceOf(IntegrityError)
  })

  test('does not open when any byte of it differs, or some are missing', async () => {
    const keyring = createKeyring()
    const sealed = await sealPasskeyLabel(keyring, place, 'x')
    for (let at = 0; at < sealed.length; at++) {
      const changed = sealed.slice()
      changed[at]! ^= 1
      await expect(openPasskeyLabel(keyring, place, changed)).rejects.toBeInstanceOf(IntegrityError)
      const cut = sealed.slice(0, at)
      await expect(openPasskeyLabel(keyring, place, cut)).rejects.toBeInstanceOf(IntegrityError)
    }
  })

  test.each(['', 'x'.repeat(201), '🌲'.repeat(51)])('is not made of %j', async (text) => {
    await expect(sealPasskeyLabel(createKeyring(), place, text)).rejects.toThrow(RangeError)
  })
})
