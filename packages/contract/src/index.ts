export * from './endpoint.ts'
export * from './identity.ts'
export { Session } from './identity-shapes.ts'
export * from './logs.ts'
export * from './members.ts'
export * from './objects.ts'
export * from './passkey-shapes.ts'
export * from './passkeys.ts'
export * from './problem.ts'
export * from './registration.ts'
export * from './repositories.ts'
export * from './repository-credentials.ts'
export * from './repository-shapes.ts'
export * from './schemas.ts'
export * from './sign-up.ts'
export * from './socket.ts'
export * from './socket-heads.ts'
export * from './storages.ts'
export * from './upload-socket.ts'

import { identityEndpoints } from './identity.ts'
import { logEndpoints } from './logs.ts'
import { objectEndpoints } from './objects.ts'
import { repositoryEndpoints } from './repositories.ts'
import { repositoryCredentialEndpoints } from './repository-credentials.ts'
import { storageEndpoints } from './storages.ts'

/** All endpoints, for the router, the contract walk and the OpenAPI document. */
export const allEndpoints = [
  ...identityEndpoints,
  ...logEndpoints,
  ...objectEndpoints,
  ...repositoryEndpoints,
  ...repositoryCredentialEndpoints,
  ...storageEndpoints,
] as const
