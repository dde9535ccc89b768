import type { VerbEntry } from './verb.ts'

/** All verbs for members, in the order in which help lists them. Loading one loads no other. */
export const catalogue: readonly VerbEntry[] = [
  {
    name: 'completion',
    summary: 'Print a completion script for a shell',
    load: async () => (await import('./completion.ts')).completionVerb,
  },
]
