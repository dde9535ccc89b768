import { type Static, Type } from 'typebox'
import { endpoint } from './endpoint.ts'
import { RepositoryScope } from './repository-shapes.ts'
import { Exact, Id, Time } from './schemas.ts'

const OfRepository = Exact({ repository: Id })

/** The user name of a credential: a word of its label and 8 random characters, such as `laptop-k3f9t2ab`. */
export const CredentialName = Type.String({ pattern: '^[a-z0-9]{1,20}-[a-z2-7]{8}$' })

export const RepositoryCredential = Exact({
  credential: CredentialName,
  label: Type.String(),
  scope: RepositoryScope,
  createdAt: Time,
  expiresAt: Type.Union([Time, Type.Null()]),
  lastUsedAt: Type.Union([Time, Type.Null()]),
  /** Counted since the credential was made. */
  writes: Type.Integer(),
  deletions: Type.Integer(),
  refusedDeletions: Type.Integer(),
  failedVerifications: Type.Integer(),
})
export type RepositoryCredential = Static<typeof RepositoryCredential>

export const listRepositoryCredentials = endpoint({
  name: 'listRepositoryCredentials',
  method: 'GET',
  path: '/api/repositories/:repository/credentials',
  access: 'member',
  summary: 'The credentials of a repository, without their secrets.',
  params: OfRepository,
  answer: Exact({ credentials: Type.Array(RepositoryCredential) }),
})
export const createRepositoryCredential = endpoint({
  name: 'createRepositoryCredential',
  method: 'POST',
  path: '/api/repositories/:repository/credentials',
  access: 'member',
  summary:
    'A user name and a secret for one machine; the secret is shown once. Needs a fresh proof for *maintain*.',
  params: OfRepository,
  body: Exact({
    label: Type.String({ minLength: 1, maxLength: 60 }),
    scope: RepositoryScope,
    validDays: Type.Union([Type.Integer({ minimum: 1, maximum: 3650 }), Type.Null()]),
  }),
  answer: Exact({
    credential: RepositoryCredential,
    /** 26 characters of base32 (130 random bits). */
    secret: Type.String(),
  }),
  problems: ['step_up_needed', 'repository_removed', 'credentials_full'],
})
export const removeRepositoryCredential = endpoint({
  name: 'removeRepositoryCredential',
  method: 'DELETE',
  path: '/api/repositories/:repository/credentials/:credential',
  access: 'member',
  summary: 'Revokes a credential at once, also in the middle of a backup.',
  params: Exact({ repository: Id, credential: CredentialName }),
  answer: Exact({ removed: Type.Boolean() }),
})

export const repositoryCredentialEndpoints = [
  listRepositoryCredentials,
  createRepositoryCredential,
  removeRepositoryCredential,
] as const
