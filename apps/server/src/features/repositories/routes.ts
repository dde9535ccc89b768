import * as contract from '@hearthold/contract'
import { bind, type Http } from '#platform/http/index.ts'
import { listBin, restoreFromBin } from './bin.ts'
import { createCredential, listCredentialsOf, removeCredential } from './credentials.ts'
import { listObjects, readObject } from './objects.ts'
import { type Parts, shown } from './parts.ts'
import { purge, remove, restore } from './removal.ts'
import { report } from './reports.ts'
import type { Scrubber } from './scrub.ts'
import { create, update } from './settings.ts'

const bindRepositories = (http: Http, parts: Parts): void => {
  const { deps, catalogue } = parts
  bind(http, contract.listRepositories, ({ session }) => ({
    repositories: catalogue.of(session.account).map((live) => shown(deps, live)),
  }))
  bind(http, contract.listEveryRepository, () => ({
    repositories: catalogue.all().map((live) => shown(deps, live)),
  }))
  bind(http, contract.createRepository, ({ session, body }) => create(parts, session, body))
  bind(http, contract.getRepository, ({ session, params }) =>
    shown(deps, catalogue.seen(session, params.repository)),
  )
  bind(http, contract.updateRepository, ({ session, params, body }) =>
    update(parts, session, params.repository, body),
  )
  bind(http, contract.removeRepository, ({ session, params }) =>
    remove(parts, session, params.repository),
  )
  bind(http, contract.restoreRepository, ({ session, params }) =>
    restore(parts, session, params.repository),
  )
  bind(http, contract.purgeRepository, ({ session, params, body, request }) =>
    purge(parts, session, params.repository, body, request),
  )
}

const bindContents = (http: Http, parts: Parts, scrubber: Scrubber): void => {
  bind(http, contract.getBin, ({ session, params }) => listBin(parts, session, params.repository))
  bind(http, contract.restoreBin, ({ session, params, body }) =>
    restoreFromBin(parts, session, params.repository, body.deletedSince ?? 0),
  )
  bind(http, contract.startScrub, ({ session, params }) =>
    scrubber.startNow(session, params.repository),
  )
  bind(http, contract.addReport, ({ session, params, body }) =>
    report(parts, session, params.repository, body),
  )
  bind(http, contract.listRepositoryObjects, ({ session, params }) =>
    listObjects(parts, session, params),
  )
  bind(http, contract.readRepositoryObject, ({ session, params, request, response }) =>
    readObject(parts, session, params, request.header('range'), response.header),
  )
}

const bindCredentials = (http: Http, parts: Parts): void => {
  bind(http, contract.listRepositoryCredentials, ({ session, params }) => ({
    credentials: listCredentialsOf(parts, session, params.repository),
  }))
  bind(http, contract.createRepositoryCredential, ({ session, params, body }) =>
    createCredential(parts, session, params.repository, body),
  )
  bind(http, contract.removeRepositoryCredential, async ({ session, params }) => ({
    removed: await removeCredential(parts, session, params.repository, params.credential),
  }))
}

/** Binds the endpoints of contract/repositories and contract/repository-credentials. */
export const bindRepositoryEndpoints = (http: Http, parts: Parts, scrubber: Scrubber): void => {
  bindRepositories(http, parts)
  bindContents(http, parts, scrubber)
  bindCredentials(http, parts)
}
