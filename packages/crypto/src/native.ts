/**
 * What each platform does natively. Two modules implement it, chosen by the package's `#native` import:
 * native-node.ts (node:crypto, synchronous underneath: WebCrypto costs 1.5 to 4 times as much there) and
 * native-web.ts (WebCrypto, with noble for what must be synchronous). Nothing else may use node:crypto.
 */
import type { Bytes } from './bytes.ts'

export type StreamingHash = {
  update(data: Uint8Array): void
  digest(): Bytes
}

export type Native = {
  sha256(data: Uint8Array): Bytes
  createSha256(): StreamingHash
  hmacSha256(key: Uint8Array, data: Uint8Array): Bytes
  /**
   * AES-256-GCM; returns nonce(12) | ciphertext | tag(16). Of plaintext and sealed bytes all three take what they are at
   * the call: the caller may use the memory for other bytes before the result is there.
   */
  sealAesGcm(
    key: Uint8Array,
    nonce: Uint8Array,
    plaintext: Uint8Array,
    aad: Uint8Array,
  ): Promise<Bytes> | Bytes
  /** The same bytes as consecutive pieces, without the copy that puts them into one array: for streams. */
  sealAesGcmPieces(
    key: Uint8Array,
    nonce: Uint8Array,
    plaintext: Uint8Array,
    aad: Uint8Array,
  ): Promise<readonly Bytes[]> | readonly Bytes[]
  /** Opens nonce(12) | ciphertext | tag(16); undefined if the tag does not verify or it is too short. */
  openAesGcm(
    key: Uint8Array,
    sealed: Uint8Array,
    aad: Uint8Array,
  ): Promise<Bytes | undefined> | Bytes | undefined
  /** RFC 8032 signature by a 32-byte seed. */
  signEd25519(seed: Uint8Array, message: Uint8Array): Promise<Bytes> | Bytes
  /** The platform's verifier alone: callers go through verifySignature, which checks what platforms disagree on. */
  verifyEd25519(
    publicKey: Uint8Array,
    signature: Uint8Array,
    message: Uint8Array,
  ): Promise<boolean> | boolean
}
