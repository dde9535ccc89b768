import { createHash, createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { readSecretFile } from '../file-modes.ts'

/** What a TLS server presents. */
export type Certificate = {
  /** The chain, leaf first, in PEM. */
  readonly certPem: string
  readonly keyPem: string
}

/**
 * The pin of a server: SHA-256 of the leaf's SubjectPublicKeyInfo (DER), 64 hex digits. It stays when a
 * certificate is renewed with the same key.
 */
export const pinOf = (certPem: string): string => {
  const spki = new X509Certificate(certPem).publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(spki).digest('hex')
}

/** True if the key signs for the certificate's public key; false also for what is neither. */
export const belongTogether = ({ certPem, keyPem }: Certificate): boolean => {
  try {
    const ofCertificate = new X509Certificate(certPem).publicKey.export({
      type: 'spki',
      format: 'der',
    })
    const ofKey = createPublicKey(createPrivateKey(keyPem)).export({ type: 'spki', format: 'der' })
    return ofCertificate.equals(ofKey)
  } catch {
    return false
  }
}

/**
 * Reads the host's own certificate and key.
 * @param keyModes `any` takes also a key that others can read
 * @throws FileModeError for a key that others can read; Error where the two do not belong together
 */
export const readCertificateFiles = (
  certFile: string,
  keyFile: string,
  keyModes: 'secret' | 'any' = 'secret',
): Certificate => {
  const certificate = {
    certPem: readFileSync(certFile, 'utf8'),
    keyPem: keyModes === 'any' ? readFileSync(keyFile, 'utf8') : readSecretFile(keyFile).toString(),
  }
  if (!belongTogether(certificate))
    throw new Error(`${certFile} and ${keyFile} are not a certificate and its key in PEM`)
  return certificate
}

/** Changes whenever one of the files is written, replaced, or its link turned to another file. */
export const stampOfFiles = (...files: readonly string[]): string =>
  files
    .map((file) => {
      const { ino, mtimeMs, size } = statSync(file)
      return `${ino}:${mtimeMs}:${size}`
    })
    .join(' ')
