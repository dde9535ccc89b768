/** In the bench's page: a repository of its own, and the worker that opens one, as the app uses it. */
import { proxy } from 'comlink'
import { createRepository, createRepositoryCredential } from '@hearthold/contract'
import { createClient, fetchTransport } from '@hearthold/client'
import { connectReader } from '../../apps/web/src/workers/repository/connect.ts'
import { pullAll } from './pulls.ts'

const server = createClient({ transport: fetchTransport() })

/** An empty repository, and who may add to it. */
export const makeRepository = async () => {
  const { repository, path } = await server.call(createRepository, { body: { name: 'bench' } })
  const body = { label: 'bench', scope: 'append', validDays: null } as const
  const params = { repository }
  const made = await server.call(createRepositoryCredential, { params, body })
  return { repository, path, user: made.credential.credential, secret: made.secret }
}

type Paths = { readonly many: string; readonly file: string; readonly real: string }

/** What each step took in a worker of its own, in ms; the bytes that came out. */
export const readRepository = async (repository: string, password: string, paths: Paths) => {
  const { remote, end } = connectReader()
  try {
    await remote.subscribe(proxy(() => undefined))
    const begun = performance.now()
    const { snapshots } = await remote.open(repository, password)
    const opened = performance.now()
    const snapshot = snapshots[0]!.id
    const sort = { by: 'name', descending: false } as const
    const { total } = await remote.folder(snapshot, paths.many, { sort, from: 0, count: 100 })
    const listed = performance.now()
    const file = await remote.download(snapshot, [paths.file])
    const fileBytes = await pullAll(file.port)
    const pulled = performance.now()
    const zip = await remote.download(snapshot, [paths.real])
    const zipBytes = await pullAll(zip.port)
    const zipped = performance.now()
    return {
      total,
      fileBytes,
      zipBytes,
      openMs: opened - begun,
      listMs: listed - opened,
      fileMs: pulled - listed,
      zipMs: zipped - pulled,
    }
  } finally {
    end()
  }
}
