import * as contract from '@hearthold/contract'
import { bind, type Http } from '#platform/http/index.ts'
import type { LogsService } from './service.ts'

/** Binds the endpoints of contract/logs.ts. */
export const bindLogs = (http: Http, service: LogsService): void => {
  const { checkpoints, registers } = service
  bind(http, contract.appendLogs, ({ session, body }) => service.append(session, body))
  bind(http, contract.listLogs, ({ session }) => service.list(session))
  bind(http, contract.getLogHead, ({ session, params }) => service.head(session, params.log))
  bind(http, contract.readLog, ({ session, params, query }) =>
    service.read(session, params.log, query),
  )
  bind(http, contract.getCheckpoint, ({ session, params }) => checkpoints.get(session, params.log))
  bind(http, contract.putCheckpoint, ({ session, params, body }) =>
    checkpoints.put(session, params.log, body),
  )
  bind(http, contract.getRegister, ({ session, query }) => registers.get(session, query.name))
  bind(http, contract.putRegister, ({ session, body }) => registers.put(session, body))
}
