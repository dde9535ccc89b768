/** A repository of the full server, run as a process of its own, with a credential that may do all. */
import { join } from 'node:path'
import { createRepository, createRepositoryCredential } from '@hearthold/contract'
import { ServerProcess } from '../crash/server-process.ts'
import type { Place } from './churn.ts'

export type ServerPlace = { readonly server: ServerProcess; readonly place: Place }

/** Starts a server with its data below a folder, sets it up and makes a repository. */
export const startServerPlace = async (folder: string): Promise<ServerPlace> => {
  const server = await ServerProcess.create(join(folder, 'data'))
  await server.start()
  const { token } = await server.person('Ada').setUp()
  const made = await server.must(createRepository, { token, body: { name: 'laptop' } })
  const { json } = await server.must(createRepositoryCredential, {
    token,
    params: { repository: String(made.json['repository']) },
    body: { label: 'laptop', scope: 'maintain', validDays: null },
  })
  const { credential } = json['credential'] as { credential: string }
  return {
    server,
    place: {
      port: server.port,
      host: `localhost:${server.port}`,
      path: String(made.json['path']),
      user: `${credential}:${String(json['secret'])}`,
      pid: server.pid,
    },
  }
}
