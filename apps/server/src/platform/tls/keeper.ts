import type { Clock } from '../clock.ts'
import { type Certificate, pinOf, readCertificateFiles, stampOfFiles } from './certificate.ts'
import { namesFor, selfSignedCertificate } from './self-signed.ts'

/** The part of the configuration that says where a certificate comes from. */
export type CertificatePlan =
  | {
      readonly kind: 'files'
      readonly certFile: string
      readonly keyFile: string
      /** `any` takes also a key that others can read; `secret` unless told. */
      readonly keyModes?: 'secret' | 'any'
    }
  | { readonly kind: 'self-signed'; readonly folder: string; readonly publicUrl: string }

export type CertificateKeeperDeps = {
  readonly plan: CertificatePlan
  readonly clock: Clock
  /** Told of a failed reload; the old certificate stays in use. */
  readonly onError: (error: unknown) => void
}

export type CertificateKeeper = {
  /** What is presented now. */
  current(): Certificate
  /** SHA-256 of the public key, only where the certificate is self-signed: links carry it then. */
  readonly pin: string | undefined
  /** Calls back with each new certificate; looks at once. Failures go to `onError`. */
  reload(): Promise<void>
  /** Starts looking for changes. `use` gets each new certificate. */
  watch(use: (certificate: Certificate) => void): void
  stop(): void
}

/**
 * Polled, because file notices miss what tools for certificates do (links turned to new folders, mounts from other
 * machines); a stat of two files costs nothing.
 */
const filesEveryMs = 10_000
const renewalEveryMs = 12 * 60 * 60 * 1000

type Source = { load(): Promise<Certificate>; stamp(): string; everyMs: number }

const sourceOf = ({ plan, clock }: CertificateKeeperDeps): Source =>
  plan.kind === 'files'
    ? {
        load: async () => readCertificateFiles(plan.certFile, plan.keyFile, plan.keyModes),
        stamp: () => stampOfFiles(plan.certFile, plan.keyFile),
        everyMs: filesEveryMs,
      }
    : {
        load: () =>
          selfSignedCertificate({ folder: plan.folder, clock, names: namesFor(plan.publicUrl) }),
        // Loading looks for itself whether a renewal is due.
        stamp: () => String(clock.now()),
        everyMs: renewalEveryMs,
      }

/**
 * Loads the certificate and keeps it fresh.
 * @throws what loading throws: at the start a broken certificate stops the server
 */
export const openCertificate = async (
  deps: CertificateKeeperDeps,
  everyMs?: number,
): Promise<CertificateKeeper> => {
  const source = sourceOf(deps)
  let stamp = source.stamp()
  let certificate = await source.load()
  let use: (certificate: Certificate) => void = () => {}
  let timer: NodeJS.Timeout | undefined
  const look = async (force: boolean): Promise<void> => {
    try {
      const now = source.stamp()
      if (!force && now === stamp) return
      const fresh = await source.load()
      // Remembered only once loading worked: a key that is written after its certificate is tried again.
      stamp = now
      if (fresh.certPem === certificate.certPem && fresh.keyPem === certificate.keyPem) return
      certificate = fresh
      use(certificate)
    } catch (error) {
      deps.onError(error)
    }
  }
  return {
    current: () => certificate,
    pin: deps.plan.kind === 'self-signed' ? pinOf(certificate.certPem) : undefined,
    reload: () => look(true),
    watch: (callback) => {
      use = callback
      timer = setInterval(() => void look(false), everyMs ?? source.everyMs)
      timer.unref()
    },
    stop: () => clearInterval(timer),
  }
}
