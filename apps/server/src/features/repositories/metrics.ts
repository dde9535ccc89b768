import { timingSafeEqual } from 'node:crypto'
import { ProblemError } from '@hearthold/contract'
import { sha256, utf8 } from '@hearthold/crypto'
import type { SessionLookup } from '#platform/access/session.ts'
import { addPlainRoute, type Http, tokenFromAuthorization } from '#platform/http/index.ts'
import { blobCounters, createMetrics, type GaugeValue } from '#platform/metrics.ts'
import type { RepositoryEvent } from '#platform/restic/policy.ts'
import { alarmsOf } from './alarms.ts'
import type { Catalogue } from './catalogue.ts'
import type { Credential } from './credential-store.ts'
import type { RepositoriesDeps } from './deps.ts'
import { basicCredentials } from './gate.ts'
import type { Live } from './live.ts'

/** Counts what happens at repositories, and answers what Prometheus asks. */
export type RepositoryMetrics = {
  onEvent(credential: Credential, live: Live, event: RepositoryEvent): void
  onRefusedSignIn(): void
  /** Revoked, or of a repository that was destroyed. */
  onCredentialRemoved(credential: Credential, live: Live): void
  bind(http: Http): void
}

const nameOf = ({ facts }: Live): string => `${facts.account}/${facts.name}`

export const repositoryMetrics = (
  deps: Pick<RepositoriesDeps, 'clock' | 'sessions' | 'metricsToken'>,
  catalogue: () => Catalogue,
): RepositoryMetrics => {
  const metrics = createMetrics()
  const blobs = blobCounters(metrics)
  const named = ['repository'] as const
  const total = (name: string, help: string) =>
    metrics.counter({ name: `hearthold_repository_${name}_total`, help, labels: named })
  const refusedDeletions = total('refused_deletions', 'Deletions that a scope did not allow')
  const failedVerifications = total('failed_verifications', 'Uploads that were not their names')
  const refusedSignIns = metrics.counter({
    name: 'hearthold_repository_refused_sign_ins_total',
    help: 'Wrong, expired and revoked credentials',
    labels: [],
  })
  refusedSignIns.add({}, 0)
  const gauge = (name: string, help: string, valueOf: (live: Live) => number | null): void =>
    metrics.gauge({ name: `hearthold_repository_${name}`, help, labels: named }, () =>
      valuesOf(catalogue(), valueOf),
    )
  gauge('bytes', 'Bytes without the bin', ({ counts }) => counts.usedBytes)
  gauge('objects', 'Objects without the bin', ({ counts }) => counts.objects)
  gauge('bin_bytes', 'Bytes in the bin', ({ counts }) => counts.binBytes)
  gauge('newest_snapshot_age_seconds', 'Since the newest snapshot arrived', ({ counts }) =>
    counts.newestSnapshotAt === null
      ? null
      : Math.max(0, Math.round((deps.clock.now() - counts.newestSnapshotAt) / 1000)),
  )
  metrics.gauge(
    {
      name: 'hearthold_repository_alarm',
      help: '1 for each alarm that a repository raises',
      labels: ['repository', 'kind'] as const,
    },
    () =>
      catalogue()
        .all()
        .flatMap((live) =>
          alarmsOf(live, deps.clock.now()).map(({ kind }) => ({
            labels: { repository: nameOf(live), kind },
            value: 1,
          })),
        ),
  )

  return {
    onEvent: (credential, live, event) => {
      // A request that outlives its credential is not counted under its name again.
      if (catalogue().credential(credential.name) === credential)
        blobs.count(credential.name, nameOf(live), event)
      const labels = { repository: nameOf(live) }
      if (event.act === 'refused-removal') refusedDeletions.add(labels)
      if (event.act === 'failed-verification') failedVerifications.add(labels)
    },
    onRefusedSignIn: () => refusedSignIns.add({}),
    onCredentialRemoved: ({ name }, live) => blobs.forget(name, nameOf(live)),
    bind: (http) =>
      addPlainRoute(http, '/metrics', { access: 'public' }, async (request, reply) => {
        await admit(deps, request.headers.authorization)
        return reply.header('content-type', metrics.contentType).send(await metrics.text())
      }),
  }
}

const valuesOf = (
  catalogue: Catalogue,
  valueOf: (live: Live) => number | null,
): GaugeValue<'repository'>[] =>
  catalogue.all().flatMap((live) => {
    const value = valueOf(live)
    return value === null ? [] : [{ labels: { repository: nameOf(live) }, value }]
  })

/** Names of members' repositories are nobody's business: a host's session, or the token of the settings. */
const admit = async (
  { sessions, metricsToken }: { sessions: SessionLookup; metricsToken: string | undefined },
  authorization: string | undefined,
): Promise<void> => {
  const given =
    /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? basicCredentials(authorization)?.secret
  if (given !== undefined && metricsToken !== undefined && isSame(given, metricsToken)) return
  const bearer = tokenFromAuthorization(authorization)
  const session =
    bearer === undefined || bearer === ''
      ? undefined
      : await sessions.find({ kind: 'bearer', tokenB64: bearer })
  if (session === undefined)
    throw new ProblemError('unauthenticated', 'This needs the metrics token, or a host.')
  if (session.role !== 'host') throw new ProblemError('forbidden', 'Only a host may do this.')
}

/** Hashed first, so that neither bytes nor lengths tell by the time it takes. */
const isSame = (given: string, wanted: string): boolean =>
  timingSafeEqual(sha256(utf8(given)), sha256(utf8(wanted)))
