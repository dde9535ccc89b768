import { getRepository, listEveryRepository, listRepositories } from '@hearthold/contract'
import type { Repository } from '@hearthold/contract'
import type { Client } from '@hearthold/client'
import { ProblemError } from '@hearthold/contract'
import { CliError } from '../cli-error.ts'

const notFound = (): CliError =>
  new CliError('notFound', 'There is no such repository.', 'hearthold repository list shows yours.')

/** An id goes before a name that looks like one. */
const named = (repositories: readonly Repository[], text: string): readonly Repository[] => {
  const byId = repositories.filter(({ repository }) => repository === text)
  return byId.length > 0 ? byId : repositories.filter(({ name }) => name === text)
}

/**
 * One of the caller's repositories by name or id, also one in the bin; by id, a host finds those of others too. Throws
 * `CliError` (not found).
 */
export const findRepository = async (
  client: Client,
  text: string,
  signal: AbortSignal,
): Promise<Repository> => {
  const { repositories } = await client.call(listRepositories, { signal })
  const [own] = named(repositories, text)
  if (own) return own
  if (!/^[0-9a-f]{32}$/.test(text)) throw notFound()
  try {
    return await client.call(getRepository, { params: { repository: text }, signal })
  } catch (error) {
    if (error instanceof ProblemError && error.code === 'not_found') throw notFound()
    throw error
  }
}

/** The same among the repositories of all members, for hosts. Throws `CliError` where none or more than one has the name. */
export const findAnyRepository = async (
  client: Client,
  text: string,
  signal: AbortSignal,
): Promise<Repository> => {
  const { repositories } = await client.call(listEveryRepository, { signal })
  const [only, ...others] = named(repositories, text)
  if (!only) throw notFound()
  if (others.length === 0) return only
  throw new CliError(
    'usage',
    'Several members have a repository of this name.',
    'Give its id; hearthold repository list --all shows it.',
  )
}
