/** An authenticator in software, with the CBOR and COSE it needs written out here: for tests of passkeys. */
import {
  createHash,
  createHmac,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto'

type Cbor = number | string | Uint8Array | ReadonlyMap<number | string, Cbor>

const head = (major: number, value: number): Buffer => {
  const kind = major << 5
  if (value < 24) return Buffer.of(kind | value)
  if (value < 256) return Buffer.of(kind | 24, value)
  return Buffer.of(kind | 25, value >> 8, value & 255)
}

/** Just what an attestation object holds. */
const encodeCbor = (value: Cbor): Buffer => {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value)
  if (typeof value === 'string') {
    return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)])
  }
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value])
  const items = [...value].flatMap(([key, item]) => [encodeCbor(key), encodeCbor(item)])
  return Buffer.concat([head(5, value.size), ...items])
}

const b64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
const fromB64 = (text: string): Buffer => Buffer.from(text, 'base64url')
const sha256 = (bytes: Uint8Array | string): Buffer => createHash('sha256').update(bytes).digest()

export type SoftAlgorithm = 'ES256' | 'EdDSA'

type Credential = {
  readonly id: string
  readonly rpId: string
  readonly userHandle: string
  readonly key: KeyObject
  readonly algorithm: SoftAlgorithm
  readonly prfSeed: Uint8Array
  counter: number
}

type Prf = { readonly prf?: { readonly eval: { readonly first: string } } } | undefined
type CreateOptions = {
  readonly rp: { readonly id: string }
  readonly user: { readonly id: string }
  readonly challenge: string
  readonly excludeCredentials: readonly { readonly id: string }[]
  readonly extensions?: Prf
}
type GetOptions = {
  readonly rpId: string
  readonly challenge: string
  readonly allowCredentials: readonly { readonly id: string }[]
  readonly extensions?: Prf
}

const coseOf = (key: KeyObject, algorithm: SoftAlgorithm): Cbor => {
  const { x, y } = key.export({ format: 'jwk' }) as { x: string; y?: string }
  return algorithm === 'EdDSA'
    ? new Map<number, Cbor>([
        [1, 1],
        [3, -8],
        [-1, 6],
        [-2, fromB64(x)],
      ])
    : new Map<number, Cbor>([
        [1, 2],
        [3, -7],
        [-1, 1],
        [-2, fromB64(x)],
        [-3, fromB64(y!)],
      ])
}

const newKey = (algorithm: SoftAlgorithm) =>
  algorithm === 'EdDSA'
    ? generateKeyPairSync('ed25519')
    : generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** What a test may let go wrong. */
export type SoftBehaviour = {
  origin: string
  algorithm: SoftAlgorithm
  /** When it gives its PRF output: already while creating, only afterwards, or never. */
  prf: 'at-create' | 'at-get' | 'never'
  /** Whether it verifies its user. */
  verifies: boolean
  /** Whether its signature counter counts; platform passkeys stay at 0. */
  counts: boolean
  /** Signs for this RP instead of the one asked for. */
  rpId: string | undefined
  backedUp: boolean
  /** Answers inside another page's frame. */
  framed: boolean
}

export class SoftAuthenticator {
  readonly credentials: Credential[] = []
  readonly behaviour: SoftBehaviour
  /** Ceremonies run, in order. */
  readonly ran: ('create' | 'get')[] = []

  constructor(behaviour: Partial<SoftBehaviour> & Pick<SoftBehaviour, 'origin'>) {
    this.behaviour = {
      algorithm: 'ES256',
      prf: 'at-create',
      verifies: true,
      counts: true,
      rpId: undefined,
      backedUp: false,
      framed: false,
      ...behaviour,
    }
  }

  /** As `navigator.credentials.create`; what it gives is what a page reads from the credential. */
  create(options: CreateOptions) {
    this.ran.push('create')
    if (
      options.excludeCredentials.some(({ id }) => this.credentials.some((one) => one.id === id))
    ) {
      return Promise.reject(new DOMException('already registered', 'InvalidStateError'))
    }
    const { algorithm } = this.behaviour
    const pair = newKey(algorithm)
    const credential: Credential = {
      id: b64(randomBytes(32)),
      rpId: options.rp.id,
      userHandle: options.user.id,
      key: pair.privateKey,
      algorithm,
      prfSeed: randomBytes(32),
      counter: 0,
    }
    this.credentials.push(credential)
    const idBytes = fromB64(credential.id)
    const attested = Buffer.concat([
      Buffer.alloc(16),
      Buffer.of(idBytes.length >> 8, idBytes.length & 255),
      idBytes,
      encodeCbor(coseOf(pair.publicKey, algorithm)),
    ])
    const attestation = new Map<string, Cbor>([
      ['fmt', 'none'],
      ['attStmt', new Map()],
      ['authData', this.#authData(credential, attested)],
    ])
    return Promise.resolve({
      id: credential.id,
      clientDataJSON: this.#clientData('webauthn.create', options.challenge),
      attestationObject: b64(encodeCbor(attestation)),
      transports: ['internal'],
      prf:
        this.behaviour.prf === 'at-create' ? this.#prf(credential, options.extensions) : undefined,
    })
  }

  /** As `navigator.credentials.get`: the newest credential of the RP, or the newest of those that are allowed. */
  get(options: GetOptions) {
    this.ran.push('get')
    const { allowCredentials: allowed } = options
    const credential = this.credentials.findLast(
      ({ id, rpId }) =>
        rpId === options.rpId && (allowed.length === 0 || allowed.some((one) => one.id === id)),
    )
    if (!credential) return Promise.reject(new DOMException('no passkey', 'NotAllowedError'))
    return Promise.resolve(this.answer(credential, options))
  }

  /** Answers by one credential whatever was allowed, as an attacker's software would. */
  answer(credential: Credential, options: Pick<GetOptions, 'challenge' | 'extensions'>) {
    if (this.behaviour.counts) credential.counter++
    const authData = this.#authData(credential)
    const clientDataJSON = this.#clientData('webauthn.get', options.challenge)
    const signed = Buffer.concat([authData, sha256(fromB64(clientDataJSON))])
    const hash = credential.algorithm === 'EdDSA' ? null : 'sha256'
    return {
      id: credential.id,
      clientDataJSON,
      authenticatorData: b64(authData),
      signature: b64(sign(hash, signed, credential.key)),
      userHandle: credential.userHandle,
      prf: this.behaviour.prf === 'never' ? undefined : this.#prf(credential, options.extensions),
    }
  }

  #prf({ prfSeed }: Credential, extensions: Prf): ArrayBuffer | undefined {
    const first = extensions?.prf?.eval.first
    if (first === undefined) return undefined
    const output = createHmac('sha256', prfSeed).update(fromB64(first)).digest()
    return new Uint8Array(output).buffer
  }

  #clientData(type: string, challenge: string): string {
    const { origin, framed: crossOrigin } = this.behaviour
    return b64(Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin })))
  }

  #authData({ rpId, counter }: Credential, attested?: Buffer): Buffer {
    const { verifies, backedUp } = this.behaviour
    const flags = 0x01 | (verifies ? 0x04 : 0) | (backedUp ? 0x18 : 0) | (attested ? 0x40 : 0)
    const count = Buffer.alloc(4)
    count.writeUInt32BE(counter)
    const hash = sha256(this.behaviour.rpId ?? rpId)
    return Buffer.concat([hash, Buffer.of(flags), count, attested ?? Buffer.alloc(0)])
  }
}
