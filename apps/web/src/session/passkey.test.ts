import { createHash } from 'node:crypto'
import { describe, expect, test, vi } from 'vitest'
import { passkeyCeremonies, passkeyObstacle, prfOf } from './passkey.ts'

const page = { isSecureContext: true, host: 'cloud.example', hasWebAuthn: true }

describe('where passkeys cannot work', () => {
  test.each([
    ['a name over a secure line', {}, undefined],
    ['an address', { host: '192.168.1.7' }, 'address'],
    ['an IPv6 address', { host: '[::1]' }, 'address'],
    ['no secure context', { isSecureContext: false }, 'insecure'],
    ['an old browser', { hasWebAuthn: false }, 'browser'],
  ])('%s', (_name, change, obstacle) => {
    expect(passkeyObstacle(true, { ...page, ...change })).toBe(obstacle)
  })

  test('a server that offers none', () => {
    expect(passkeyObstacle(false, page)).toBe('server')
  })
})

const results = (first: unknown): AuthenticationExtensionsClientOutputs =>
  ({ prf: { enabled: true, results: { first } } }) as AuthenticationExtensionsClientOutputs

describe('the PRF output', () => {
  test('is 32 bytes, copied, or nothing', () => {
    const bytes = new Uint8Array(64).fill(7)
    const view = bytes.subarray(16, 48)
    expect(prfOf(results(view))).toEqual(new Uint8Array(32).fill(7))
    const output = prfOf(results(bytes.buffer.slice(0, 32)))
    bytes.fill(0)
    expect(output).toEqual(new Uint8Array(32).fill(7))
    for (const wrong of [
      undefined,
      null,
      '',
      'a'.repeat(43),
      {},
      new ArrayBuffer(0),
      new ArrayBuffer(31),
      new ArrayBuffer(33),
    ]) {
      expect(prfOf(results(wrong))).toBeUndefined()
    }
    expect(prfOf({})).toBeUndefined()
  })
})

/** A browser's credential, as far as the page looks at it. */
class FakeCredential {
  readonly id = 'AQI'
  readonly rawId = new Uint8Array([1, 2]).buffer
  readonly type = 'public-key'
  readonly response: unknown
  readonly outputs: AuthenticationExtensionsClientOutputs
  constructor(response: unknown, outputs: AuthenticationExtensionsClientOutputs) {
    this.response = response
    this.outputs = outputs
  }
  getClientExtensionResults(): AuthenticationExtensionsClientOutputs {
    return this.outputs
  }
  toJSON(): never {
    throw new Error('this would hold the PRF output')
  }
}

const bytes = (...values: number[]): ArrayBuffer => new Uint8Array(values).buffer
const attestation = {
  clientDataJSON: bytes(1),
  attestationObject: bytes(2),
  getTransports: () => ['internal'],
}
const assertion = {
  clientDataJSON: bytes(1),
  authenticatorData: bytes(2),
  signature: bytes(3),
  userHandle: bytes(4),
}
const secret = new Uint8Array(32).fill(9)
const options = {
  challenge: 'AAAA',
  rp: { id: 'localhost', name: 'Hearthold' },
  user: { id: 'BBBB', name: 'ada', displayName: 'Ada' },
  pubKeyCredParams: [],
  excludeCredentials: [{ id: 'AQI', type: 'public-key' }],
}

const withBrowser = (credentials: { create?: unknown; get?: unknown }): void => {
  vi.stubGlobal('navigator', { credentials })
  vi.stubGlobal('PublicKeyCredential', FakeCredential)
}

describe('ceremonies', () => {
  test('the PRF output of create comes beside the response, and never inside it', async () => {
    const create = vi.fn<() => Promise<FakeCredential>>(() =>
      Promise.resolve(new FakeCredential(attestation, results(secret.buffer))),
    )
    withBrowser({ create })
    const made = await passkeyCeremonies().makePasskey(options)
    expect(made.prf).toEqual(secret)
    expect(made.response).toEqual({
      id: 'AQI',
      rawId: 'AQI',
      type: 'public-key',
      response: { clientDataJSON: 'AQ', attestationObject: 'Ag', transports: ['internal'] },
      clientExtensionResults: {},
    })
    const [{ publicKey }] = create.mock.calls[0] as unknown as [
      { publicKey: PublicKeyCredentialCreationOptions },
    ]
    const salt = publicKey.extensions?.prf?.eval?.first
    expect(salt).toBeInstanceOf(ArrayBuffer)
    expect(Buffer.from(salt as ArrayBuffer)).toEqual(
      createHash('sha256').update('hearthold/v1/passkey-prf').digest(),
    )
    expect(publicKey.excludeCredentials?.[0]?.id).toEqual(new Uint8Array([1, 2]))
  })

  test('where create gives none although there is PRF, it is asked for at once', async () => {
    const create = () =>
      Promise.resolve(new FakeCredential(attestation, { prf: { enabled: true } }))
    const get = vi.fn<() => Promise<FakeCredential>>(() =>
      Promise.resolve(new FakeCredential(assertion, results(secret.buffer))),
    )
    withBrowser({ create, get })
    const made = await passkeyCeremonies().makePasskey(options)
    expect(made.prf).toEqual(secret)
    expect(get).toHaveBeenCalledOnce()
  })

  test('without PRF nothing more is asked, and it is remembered', async () => {
    const get = vi.fn<() => Promise<FakeCredential>>()
    withBrowser({ create: () => Promise.resolve(new FakeCredential(attestation, {})), get })
    const ceremonies = passkeyCeremonies()
    expect((await ceremonies.makePasskey(options)).prf).toBeUndefined()
    expect(get).not.toHaveBeenCalled()
    expect(ceremonies.failure()).toBe('no-prf')
  })

  test.each([
    ['NotAllowedError', 'cancelled'],
    ['AbortError', 'cancelled'],
    ['InvalidStateError', 'exists'],
    ['SecurityError', 'failed'],
  ])('%s is told as %s', async (name, failure) => {
    withBrowser({ get: () => Promise.reject(new DOMException('no', name)) })
    const ceremonies = passkeyCeremonies()
    await expect(ceremonies.getAssertion({ challenge: 'AAAA' })).rejects.toThrow('no')
    expect(ceremonies.failure()).toBe(failure)
  })

  test('an assertion holds the user handle, and no extension results', async () => {
    withBrowser({
      get: () => Promise.resolve(new FakeCredential(assertion, results(secret.buffer))),
    })
    const { response, prf } = await passkeyCeremonies().getAssertion({ challenge: 'AAAA' })
    expect(prf).toEqual(secret)
    expect(response['clientExtensionResults']).toEqual({})
    expect(response['response']).toEqual({
      clientDataJSON: 'AQ',
      authenticatorData: 'Ag',
      signature: 'Aw',
      userHandle: 'BA',
    })
  })
})
