import type { VerbEntry } from './verb.ts'

/** All verbs for members, in the order in which help lists them. Loading one loads no other. */
export const catalogue: readonly VerbEntry[] = [
  {
    name: 'set-up',
    summary: 'Set a new server up and become its first host',
    load: async () => (await import('./set-up.ts')).setUpVerb,
  },
  {
    name: 'invite',
    summary: 'Invite people to this server',
    load: async () => (await import('./invite.ts')).inviteVerb,
  },
  {
    name: 'invite list',
    summary: 'List open invitations',
    load: async () => (await import('./invite.ts')).inviteListVerb,
  },
  {
    name: 'invite remove',
    summary: 'Void an invitation',
    load: async () => (await import('./invite.ts')).inviteRemoveVerb,
  },
  {
    name: 'members',
    summary: 'List the members of this server',
    load: async () => (await import('./members.ts')).membersVerb,
  },
  {
    name: 'members list',
    summary: 'List the members of this server',
    load: async () => (await import('./members.ts')).membersListVerb,
  },
  {
    name: 'members quota',
    summary: 'Set how much a member may keep',
    load: async () => (await import('./members.ts')).membersQuotaVerb,
  },
  {
    name: 'members suspend',
    summary: 'End the sessions of a member, and let no new one begin',
    load: async () => (await import('./members.ts')).membersSuspendVerb,
  },
  {
    name: 'members resume',
    summary: 'Let a suspended member in again',
    load: async () => (await import('./members.ts')).membersResumeVerb,
  },
  {
    name: 'members requests',
    summary: 'List who waits to be let in',
    load: async () => (await import('./registration.ts')).membersRequestsVerb,
  },
  {
    name: 'members approve',
    summary: 'Let somebody in who waits',
    load: async () => (await import('./registration.ts')).membersApproveVerb,
  },
  {
    name: 'members deny',
    summary: 'Remove the account of somebody who waits',
    load: async () => (await import('./registration.ts')).membersDenyVerb,
  },
  {
    name: 'registration',
    summary: 'Show or set who may sign up without an invitation',
    load: async () => (await import('./registration.ts')).registrationVerb,
  },
  {
    name: 'sign-up',
    summary: 'Make an account, by an invitation or without',
    load: async () => (await import('./sign-up.ts')).signUpVerb,
  },
  {
    name: 'sign-in',
    summary: 'Sign in and unlock on this device',
    load: async () => (await import('./sign-in.ts')).signInVerb,
  },
  {
    name: 'unlock',
    summary: 'Open the files of a session that is locked',
    load: async () => (await import('./unlock.ts')).unlockVerb,
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
    name: 'usage',
    summary: 'Show how much is used, and of what quota',
    load: async () => (await import('./usage.ts')).usageVerb,
  },
  {
    name: 'put',
    summary: 'Seal files and folders into a share',
    load: async () => (await import('./put.ts')).putVerb,
  },
  {
    name: 'get',
    summary: 'Fetch and open files and folders of a share',
    load: async () => (await import('./get.ts')).getVerb,
  },
  {
    name: 'ls',
    summary: 'List what is in a share',
    load: async () => (await import('./ls.ts')).lsVerb,
  },
  {
    name: 'mkdir',
    summary: 'Make a folder in a share',
    load: async () => (await import('./mkdir.ts')).mkdirVerb,
  },
  {
    name: 'mv',
    summary: 'Move or rename within a share',
    load: async () => (await import('./move-copy.ts')).mvVerb,
  },
  {
    name: 'cp',
    summary: 'Copy within a share',
    load: async () => (await import('./move-copy.ts')).cpVerb,
  },
  {
    name: 'rm',
    summary: 'Move to the trash, or erase for good',
    load: async () => (await import('./rm.ts')).rmVerb,
  },
  {
    name: 'trash list',
    summary: 'List what lies in the trash of a share',
    load: async () => (await import('./trash.ts')).trashListVerb,
  },
  {
    name: 'trash restore',
    summary: 'Take items out of the trash',
    load: async () => (await import('./trash.ts')).trashRestoreVerb,
  },
  {
    name: 'trash empty',
    summary: 'Erase all in the trash for good',
    load: async () => (await import('./trash.ts')).trashEmptyVerb,
  },
  {
    name: 'share create',
    summary: 'Make a share',
    load: async () => (await import('./share.ts')).shareCreateVerb,
  },
  {
    name: 'share list',
    summary: 'List shares',
    load: async () => (await import('./share.ts')).shareListVerb,
  },
  {
    name: 'share rename',
    summary: 'Rename a share',
    load: async () => (await import('./share.ts')).shareRenameVerb,
  },
  {
    name: 'share keys',
    summary: 'Write the keys of a share, to open its files offline',
    load: async () => (await import('./share.ts')).shareKeysVerb,
  },
  {
    name: 'repository',
    summary: 'List your repositories, and whether they are well',
    load: async () => (await import('./repository.ts')).repositoryVerb,
  },
  {
    name: 'repository create',
    summary: 'Make a repository for restic',
    load: async () => (await import('./repository.ts')).repositoryCreateVerb,
  },
  {
    name: 'repository list',
    summary: 'List your repositories, and whether they are well',
    load: async () => (await import('./repository.ts')).repositoryListVerb,
  },
  {
    name: 'repository show',
    summary: 'Show a repository',
    load: async () => (await import('./repository.ts')).repositoryShowVerb,
  },
  {
    name: 'repository set',
    summary: 'Set quota, freeze and alarm of a repository',
    load: async () => (await import('./repository.ts')).repositorySetVerb,
  },
  {
    name: 'repository remove',
    summary: 'Put a whole repository in the bin',
    load: async () => (await import('./repository.ts')).repositoryRemoveVerb,
  },
  {
    name: 'repository undelete',
    summary: 'Bring a whole repository back from the bin',
    load: async () => (await import('./repository.ts')).repositoryUndeleteVerb,
  },
  {
    name: 'repository credential create',
    summary: 'Let a machine into a repository',
    load: async () => (await import('./repository-credential.ts')).repositoryCredentialCreateVerb,
  },
  {
    name: 'repository credential list',
    summary: 'List who is let into a repository',
    load: async () => (await import('./repository-credential.ts')).repositoryCredentialListVerb,
  },
  {
    name: 'repository credential revoke',
    summary: 'Shut a machine out of a repository',
    load: async () => (await import('./repository-credential.ts')).repositoryCredentialRevokeVerb,
  },
  {
    name: 'repository bin',
    summary: 'Show what was deleted from a repository',
    load: async () => (await import('./repository-bin.ts')).repositoryBinVerb,
  },
  {
    name: 'repository bin restore',
    summary: 'Bring back what was deleted from a repository',
    load: async () => (await import('./repository-bin.ts')).repositoryBinRestoreVerb,
  },
  {
    name: 'repository scrub',
    summary: 'Have every object of a repository read and compared',
    load: async () => (await import('./repository.ts')).repositoryScrubVerb,
  },
  {
    name: 'repository browse',
    summary: 'Look into the snapshots of a repository',
    load: async () => (await import('./repository-browse.ts')).repositoryBrowseVerb,
  },
  {
    name: 'repository restore',
    summary: 'Restore from a snapshot of a repository',
    load: async () => (await import('./repository-restore.ts')).repositoryRestoreVerb,
  },
  {
    name: 'repository maintain',
    summary: 'Forget old snapshots by the installed restic, and tell the server',
    load: async () => (await import('./repository-maintain.ts')).repositoryMaintainVerb,
  },
  {
    name: 'repository drill',
    summary: 'Prove that the newest snapshot can be restored, and tell the server',
    load: async () => (await import('./repository-drill.ts')).repositoryDrillVerb,
  },
  {
    name: 'repository purge',
    summary: 'Destroy what is in the bin of a repository, for hosts',
    load: async () => (await import('./repository-bin.ts')).repositoryPurgeVerb,
  },
  {
    name: 'decrypt',
    summary: 'Open a stored file offline, by exported keys',
    load: async () => (await import('./decrypt.ts')).decryptVerb,
  },
  {
    name: 'storage',
    summary: 'List where repositories may lie',
    load: async () => (await import('./storage.ts')).storageVerb,
  },
  {
    name: 'storage list',
    summary: 'List where repositories may lie',
    load: async () => (await import('./storage.ts')).storageListVerb,
  },
  {
    name: 'storage create',
    summary: 'Add an S3 store or a WebDAV folder for repositories',
    load: async () => (await import('./storage.ts')).storageCreateVerb,
  },
  {
    name: 'storage test',
    summary: 'Try a storage',
    load: async () => (await import('./storage.ts')).storageTestVerb,
  },
  {
    name: 'storage update',
    summary: 'Change the settings or the secret of a storage',
    load: async () => (await import('./storage.ts')).storageUpdateVerb,
  },
  {
    name: 'storage remove',
    summary: 'Forget a storage that no repository uses',
    load: async () => (await import('./storage.ts')).storageRemoveVerb,
  },
  {
    name: 'sessions',
    summary: 'List sessions of this account',
    load: async () => (await import('./sessions.ts')).sessionsVerb,
  },
  {
    name: 'sessions list',
    summary: 'List sessions of this account',
    load: async () => (await import('./sessions.ts')).sessionsListVerb,
  },
  {
    name: 'sessions end',
    summary: 'End one session',
    load: async () => (await import('./sessions.ts')).sessionsEndVerb,
  },
  {
    name: 'sessions end-others',
    summary: 'End all sessions but this one',
    load: async () => (await import('./sessions.ts')).sessionsEndOthersVerb,
  },
  {
    name: 'sessions end-all',
    summary: 'End all sessions, this one too',
    load: async () => (await import('./sessions.ts')).sessionsEndAllVerb,
  },
  {
    name: 'devices',
    summary: 'List devices of this account',
    load: async () => (await import('./devices.ts')).devicesVerb,
  },
  {
    name: 'devices list',
    summary: 'List devices of this account',
    load: async () => (await import('./devices.ts')).devicesListVerb,
  },
  {
    name: 'devices forget',
    summary: 'Retire a device that is in good hands',
    load: async () => (await import('./devices.ts')).devicesForgetVerb,
  },
  {
    name: 'devices revoke',
    summary: 'Shut out a lost device, and make all keys new',
    load: async () => (await import('./devices.ts')).devicesRevokeVerb,
  },
  {
    name: 'methods',
    summary: 'List what opens this account',
    load: async () => (await import('./methods.ts')).methodsVerb,
  },
  {
    name: 'methods list',
    summary: 'List what opens this account',
    load: async () => (await import('./methods.ts')).methodsListVerb,
  },
  {
    name: 'methods change-password',
    summary: 'Set a new password',
    load: async () => (await import('./methods.ts')).changePasswordVerb,
  },
  {
    name: 'methods replace-recovery-key',
    summary: 'Make a new recovery key',
    load: async () => (await import('./methods.ts')).replaceRecoveryKeyVerb,
  },
  {
    name: 'methods remove',
    summary: 'Remove a way in, and make all keys new',
    load: async () => (await import('./methods.ts')).removeMethodVerb,
  },
  {
    name: 'methods replace-authenticator',
    summary: 'Use another authenticator',
    load: async () => (await import('./methods.ts')).replaceAuthenticatorVerb,
  },
  {
    name: 'methods backup-codes',
    summary: 'Make ten new backup codes',
    load: async () => (await import('./methods.ts')).backupCodesVerb,
  },
  {
    name: 'completion',
    summary: 'Print a completion script for a shell',
    load: async () => (await import('./completion.ts')).completionVerb,
  },
]
