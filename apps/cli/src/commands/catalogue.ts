import type { VerbEntry } from './verb.ts'

/** All verbs for members, in the order in which help lists them. Loading one loads no other. */
export const catalogue: readonly VerbEntry[] = [
  {
    name: 'invite',
    summary: 'Invite people to this server',
    load: async () => (await import('./invite.ts')).inviteVerb,
  },
  {
    name: 'sign-out',
    summary: 'End this session and forget its secrets here',
    load: async () => (await import('./sign-out.ts')).signOutVerb,
  },
  {
    name: 'whoami',
    summary: 'Show who is signed in, and where',
    load: async () => (await import('./whoami.ts')).whoamiVerb,
  },
  {
    name: 'sessions',
    summary: 'List or end sessions of this account',
    load: async () => (await import('./sessions.ts')).sessionsVerb,
  },
  {
    name: 'completion',
    summary: 'Print a completion script for a shell',
    load: async () => (await import('./completion.ts')).completionVerb,
  },
]
