/** Searches within a snapshot, and what differs between two. */
import { compareSnapshots, type ResticNode, searchSnapshot } from '@hearthold/member'
import type { Difference, RepositoryWorker } from './api.ts'
import { kindOf, rowOf } from './folders.ts'
import { type Jobs, tellAll } from './jobs.ts'
import type { Opened } from './opened.ts'
import { told } from './reader-error.ts'

const foundLimit = 10_000
const differencesLimit = 20_000

type Desk = {
  /** The opened repository, its index loaded. */
  ready(): Promise<Opened>
  /** Throws where there is no such snapshot. */
  treeOf(snapshot: string): string
  readonly jobs: Jobs
}

const bytesOf = (node: ResticNode | undefined): number | undefined =>
  node?.kind === 'file' ? node.sizeBytes : undefined

/** Counts what a walk could not read, and lets it go on. */
const countDamaged = () => {
  let damaged = 0
  return { onProblem: (): void => void damaged++, damaged: (): number => damaged }
}

export const createFinding = ({
  ready,
  treeOf,
  jobs,
}: Desk): Pick<RepositoryWorker, 'search' | 'compare'> => ({
  search: async (job, snapshot, wanted, tell) => {
    const { signal, end } = jobs.begin(job)
    try {
      const { repository } = await told(ready)
      const { onProblem, damaged } = countDamaged()
      const found = searchSnapshot(repository, treeOf(snapshot), wanted, { signal, onProblem })
      return await tellAll(found, {
        limit: foundLimit,
        rowOf: ({ path, node }) => rowOf(path, node),
        ...{ tell, damaged },
      })
    } finally {
      end()
    }
  },
  compare: async (job, older, newer, tell) => {
    const { signal, end } = jobs.begin(job)
    try {
      const { repository } = await told(ready)
      const { onProblem, damaged } = countDamaged()
      const [from, to] = [treeOf(older), treeOf(newer)]
      const differences = compareSnapshots(repository, from, to, { signal, onProblem })
      return await tellAll(differences, {
        limit: differencesLimit,
        rowOf: ({ path, kind, older: before, newer: after }): Difference => ({
          id: path,
          change: kind,
          kind: kindOf((after ?? before)!),
          olderBytes: bytesOf(before),
          newerBytes: bytesOf(after),
        }),
        ...{ tell, damaged },
      })
    } finally {
      end()
    }
  },
})
