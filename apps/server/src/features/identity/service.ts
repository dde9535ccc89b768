import { version } from '#platform/version.ts'
import { toHex } from '@hearthold/crypto'
import { accountEntriesService } from './account-entries.ts'
import { challengeSignInService } from './challenge-sign-in.ts'
import { credentialsService } from './credentials.ts'
import type { SetUpState } from './instance.ts'
import { invitationsService } from './invitations.ts'
import { membersService } from './members.ts'
import type { IdentityParts } from './parts.ts'
import { passkeySignInService } from './passkey-sign-in.ts'
import { passkeySiteOf } from './passkey-site.ts'
import { passkeysService } from './passkeys.ts'
import { passwordSignInService } from './password-sign-in.ts'
import { registrationService } from './registration.ts'
import { findRegistration } from './registration-store.ts'
import { sessionsService } from './sessions.ts'
import { signUpService } from './sign-up.ts'
import { unlockService } from './unlock.ts'

const hasPasskeys = ({ publicUrl }: IdentityParts): boolean =>
  passkeySiteOf(publicUrl()) !== undefined

/** All verbs of the feature, each group in a file of its own. */
export const identityService = (parts: IdentityParts, setUp: SetUpState) => ({
  instance: {
    getSetUp: () => ({ needed: setUp.needed(), version, passkeys: hasPasskeys(parts) }),
    get: async () => ({
      name: setUp.name(),
      instanceKey: toHex(parts.keys.secrets.signingKey),
      publicUrl: parts.publicUrl(),
      version,
      passkeys: hasPasskeys(parts),
      registration: (await findRegistration(parts.db)).registration,
    }),
  },
  signUp: signUpService(parts, setUp),
  passwordSignIn: passwordSignInService(parts),
  challengeSignIn: challengeSignInService(parts),
  passkeySignIn: passkeySignInService(parts),
  passkeys: passkeysService(parts),
  sessions: sessionsService(parts),
  unlock: unlockService(parts),
  credentials: credentialsService(parts),
  accountEntries: accountEntriesService(parts),
  invitations: invitationsService(parts),
  members: membersService(parts),
  registration: registrationService(parts),
})

export type IdentityService = ReturnType<typeof identityService>
