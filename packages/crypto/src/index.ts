export * from './aead.ts'
export * from './byte-io.ts'
export * from './bytes.ts'
export * from './hash.ts'
export * from './integrity-error.ts'
export type { StreamingHash } from './native.ts'
export * from './logs/index.ts'
export * from './hpke.ts'
export { isKemPublicKey, kemPublicKey, kemPublicKeyBytes, kemSeedBytes } from './kem.ts'
export * from './object-stream.ts'
export * from './sealed-object.ts'
export {
  generateSigningSeed,
  sign,
  type SignatureLabel,
  signatureBytes,
  signingPublicKey,
  signingSeedBytes,
  verifySignature,
} from './signature.ts'
export * from './account/index.ts'
export * from './audience.ts'
export * from './checkpoint.ts'
export * from './grant.ts'
export * from './merkle.ts'
export * from './register.ts'
