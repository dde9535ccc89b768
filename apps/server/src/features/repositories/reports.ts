import type { addReport, BodyOf, Report } from '@hearthold/contract'
import type { SessionContext } from '#platform/access/session.ts'
import { noteAlarms } from './alarms.ts'
import type { Parts } from './parts.ts'

/** How maintenance or a drill ended, as the member's machine tells it. Only the last of each is kept. */
export const report = async (
  { deps, catalogue }: Parts,
  session: SessionContext,
  id: string,
  body: BodyOf<typeof addReport>,
): Promise<Report> => {
  const live = catalogue.own(session, id)
  const kept: Report = { ...body, reportedAt: deps.clock.now() }
  await live.save(body.kind === 'maintain' ? { maintain: kept } : { drill: kept })
  await noteAlarms(deps, live)
  return kept
}
