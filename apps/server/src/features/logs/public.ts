import type { Http } from '#platform/http/index.ts'
import type { LogFeatureDeps } from './deps.ts'
import { bindLogs } from './routes.ts'
import { logsService } from './service.ts'

export type { LogFeatureDeps } from './deps.ts'
export { logFeatureMigrations } from './migrations/index.ts'
export type { LogFeatureTables } from './tables.ts'

/** The endpoints of logs, checkpoints and registers; entries are judged by #platform/logs. */
export type LogFeature = {
  /** Binds the endpoints of the contract. */
  bind(http: Http): void
}

/** Makes the feature; its migrations must have run. */
export const createLogFeature = (deps: LogFeatureDeps): LogFeature => {
  const service = logsService(deps)
  return { bind: (http) => bindLogs(http, service) }
}
