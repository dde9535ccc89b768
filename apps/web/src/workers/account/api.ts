/**
 * What the page may ask of the account worker. The account key, the keyring and all opened logs live in the worker; the
 * page gets names, numbers and bytes to show, and never a key (the one exception: secrets that a person must see to
 * keep them, such as a new recovery key).
 *
 * Everything here crosses a `postMessage`: plain data, files, ports and Comlink-proxied callbacks. Errors keep their
 * kind and code (errors.ts). Ids of accounts, shares, nodes, devices, methods and sessions are hex. Times are ms since
 * 1970, sizes bytes.
 */
import type { PasskeyCeremonies } from './passkey-ceremonies.ts'

export type Role = 'host' | 'member' | 'guest'

/** Where this browser stands with this server. */
export type AccountStatus =
  /** The instance waits for its first host. */
  | { readonly at: 'not-set-up' }
  | { readonly at: 'signed-out' }
  /** A session exists and the keys are not on this device yet: unlock. */
  | { readonly at: 'locked'; readonly name: string; readonly methods: readonly UnlockWay[] }
  | { readonly at: 'unlocked'; readonly me: Me }

export type UnlockWay = 'password' | 'passkey' | 'recovery'

export type Me = {
  readonly account: string
  readonly name: string
  readonly displayName: string
  readonly role: Role
  readonly device: string
  readonly session: string
  readonly backupCodesLeft: number
  readonly hasPassword: boolean
  /** True after a sign-in by recovery key until a new one is kept: the app asks for it before anything else. */
  readonly mustReplaceRecoveryKey: boolean
}

/** Bytes used and allowed; `quotaBytes` is null without a limit. */
export type Usage = { readonly usedBytes: number; readonly quotaBytes: number | null }

// ---------------------------------------------------------------- identity

export type SignUpPass =
  | { readonly setUpToken: string; readonly instanceName: string }
  | { readonly invitation: string }
  /** Where registration is open or needs approval. */
  | { readonly open: true }

export type NewAccount = {
  readonly pass: SignUpPass
  readonly name: string
  readonly displayName?: string
  readonly way:
    | { readonly kind: 'password'; readonly password: string }
    /** `label`: what the person is shown for the passkey later; the device's label where absent. */
    | { readonly kind: 'passkey'; readonly label?: string }
  /** What other devices show for this browser; made from the user agent where absent ("Chrome on Linux"). */
  readonly deviceLabel?: string
  /** 30 days, and this browser unlocks by itself; else 2 h, and it unlocks again after each reload. */
  readonly staySignedIn: boolean
}

/** Called while an account is made; each resolves when the person has done it, and rejects when they give up. */
export type SignUpSteps = {
  readonly keepRecoveryKey: (text: string) => Promise<void>
  /** Resolves to the six digits that the authenticator shows. Password accounts only. */
  readonly keepTotp: (totp: { secret: string; uri: string }) => Promise<string>
  readonly onWrongCode: () => Promise<string>
} & PasskeyCeremonies

export type MadeAccount = {
  readonly backupCodes: readonly string[]
  /** True where a host must approve first: nobody is signed in yet. */
  readonly waiting: boolean
  /** Until then (ms since 1970) a host may approve an account that waits. */
  readonly waitsUntil?: number
}

export type IdentityApi = {
  /** Asks the server and this browser's store; unlocks by itself where this device may. */
  status(): Promise<AccountStatus>
  createAccount(account: NewAccount, steps: SignUpSteps): Promise<MadeAccount>
  /** `askCode` is asked for a code of the authenticator or a backup code, again after each wrong one. */
  signInByPassword(
    input: { name: string; password: string; staySignedIn: boolean },
    askCode: (attempt: number) => Promise<string>,
  ): Promise<AccountStatus>
  /** Ends `locked` where the passkey gives no PRF: it signs in and cannot unlock. */
  signInByPasskey(
    input: { staySignedIn: boolean },
    ceremonies: Pick<PasskeyCeremonies, 'getAssertion'>,
  ): Promise<AccountStatus>
  /** `keepNew` gets the new recovery key, which replaces the one that was used. */
  signInByRecoveryKey(
    input: { recoveryKey: string; staySignedIn: boolean },
    keepNew: (text: string) => Promise<void>,
  ): Promise<AccountStatus>
  unlockByPassword(password: string): Promise<AccountStatus>
  unlockByPasskey(ceremonies: Pick<PasskeyCeremonies, 'getAssertion'>): Promise<AccountStatus>
  unlockByRecoveryKey(
    recoveryKey: string,
    keepNew: (text: string) => Promise<void>,
  ): Promise<AccountStatus>
  /** Ends the session and drops the local unlock secret; the device key stays. */
  signOut(): Promise<void>
  /** A fresh proof for acts that answer `step_up_needed`. */
  proveByPassword(password: string): Promise<void>
  proveByPasskey(ceremonies: Pick<PasskeyCeremonies, 'getAssertion'>): Promise<void>
  usage(): Promise<Usage>
}

// ---------------------------------------------------------------- account page

export type MethodRow = {
  readonly id: string
  readonly type: 'password' | 'passkey' | 'recovery' | 'nostr' | 'device'
  /** What the person called it (passkeys), or the device's name (device methods). */
  readonly label: string
  readonly canUnlock: boolean
  /** This browser unlocked by it. */
  readonly current: boolean
  readonly createdAt: number | undefined
}
export type DeviceRow = {
  readonly id: string
  readonly label: string
  readonly enrolledAt: number
  readonly retired: { readonly at: number; readonly reason: 'forgotten' | 'revoked' } | undefined
  readonly current: boolean
  readonly unlocksByItself: boolean
}
export type SessionRow = {
  readonly id: string
  readonly current: boolean
  readonly createdAt: number
  readonly lastUsedAt: number
  readonly expiresAt: number
  readonly staySignedIn: boolean
  readonly method: string
  readonly device: string | undefined
  readonly address: string
  readonly client: string
}

/** All but the lists throw `step_up_needed` where the session has given no fresh proof. */
export type AccountApi = {
  methods(): Promise<readonly MethodRow[]>
  devices(): Promise<readonly DeviceRow[]>
  sessions(): Promise<readonly SessionRow[]>
  changePassword(input: { password: string; rotate: boolean }): Promise<void>
  /** A first password, together with its authenticator: both or neither. */
  addPassword(
    input: { password: string },
    steps: Pick<SignUpSteps, 'keepTotp' | 'onWrongCode'>,
  ): Promise<{ backupCodes: readonly string[] }>
  /** `oldCode`: a code of the old authenticator or a backup code, unless the fresh proof was stronger. */
  replaceAuthenticator(
    input: { oldCode?: string },
    steps: Pick<SignUpSteps, 'keepTotp' | 'onWrongCode'>,
  ): Promise<void>
  replaceBackupCodes(input: { code?: string }): Promise<readonly string[]>
  replaceRecoveryKey(keepNew: (text: string) => Promise<void>): Promise<void>
  /** `canUnlock` false where the passkey has no PRF: it was added for signing in alone. */
  addPasskey(label: string, ceremonies: PasskeyCeremonies): Promise<{ canUnlock: boolean }>
  renamePasskey(method: string, label: string): Promise<void>
  removeMethod(method: string, secondFactor?: string): Promise<void>
  forgetDevice(device: string): Promise<void>
  revokeDevice(device: string): Promise<void>
  endSession(session: string): Promise<void>
  endOtherSessions(): Promise<number>
  /** Makes this browser unlock by itself from now on, or stops that. */
  setUnlocksByItself(wanted: boolean): Promise<void>
}

// ---------------------------------------------------------------- shares

export type ShareRow = {
  readonly share: string
  readonly name: string
  readonly root: string
  /** Items that are not in the trash. */
  readonly items: number
  readonly sizeBytes: number
  /** When the server last confirmed the state shown; from this device's store where it is not reachable. */
  readonly confirmedAt: number
  /** IntegrityError's or ProblemError's code where this share cannot be opened; all others can. */
  readonly problem: string | undefined
}

export type NodeKind = 'folder' | 'file' | 'link'

/** One line of a list. Names are as their authors wrote them: never markup, shown in isolation (bidi). */
export type Row = {
  readonly id: string
  readonly kind: NodeKind
  readonly name: string
  /** Plaintext bytes; undefined for folders and links. */
  readonly sizeBytes: number | undefined
  readonly modifiedAt: number | undefined
  /** Server's time of the newest version or change. */
  readonly changedAt: number
  readonly versions: number
}

export type Sort = { readonly by: 'name' | 'size' | 'changed'; readonly descending: boolean }
export type Crumb = { readonly id: string; readonly name: string }

export type FolderPage = {
  /** From the share's root (whose name is the share's) to this folder. */
  readonly crumbs: readonly Crumb[]
  /** All rows of the folder. */
  readonly total: number
  /** Changes whenever the share does: pages of one stamp fit together. */
  readonly stamp: number
  readonly rows: readonly Row[]
  readonly confirmedAt: number
}

export type TrashRow = {
  readonly id: string
  readonly name: string
  readonly kind: NodeKind
  readonly trashedAt: number
}
export type VersionRow = {
  /** Number of the entry that made it; 1 is the log's first. */
  readonly seq: number
  readonly sizeBytes: number
  readonly at: number
  /** Label of the device that wrote it; empty, since states and checkpoints keep a version's author and not its device. */
  readonly device: string
  readonly newest: boolean
}

/** Who can read an item: the panel of the custody seal. */
export type Custody = {
  readonly held: 'member-held' | 'server-held'
  readonly people: readonly {
    readonly name: string
    readonly you: boolean
    readonly since: number
    readonly devices: readonly {
      readonly label: string
      readonly since: number
      readonly current: boolean
    }[]
  }[]
  readonly server: { readonly reads: boolean; readonly storedBytes: number }
}

/** Acts are kept in the outbox before they are sent, and sent again after a reload or a lost connection. */
export type SharesApi = {
  list(): Promise<readonly ShareRow[]>
  create(name: string): Promise<ShareRow>
  renameShare(share: string, name: string): Promise<void>
  /** Folders first, then by `sort`; `from` and `count` cut out a page (count <= 5,000). `folder` null is the root. */
  folder(
    share: string,
    folder: string | null,
    options: { sort: Sort; from: number; count: number },
  ): Promise<FolderPage>
  makeFolder(share: string, parent: string, name: string): Promise<string>
  rename(share: string, node: string, name: string): Promise<void>
  move(share: string, nodes: readonly string[], folder: string): Promise<void>
  copy(share: string, nodes: readonly string[], folder: string): Promise<void>
  toTrash(share: string, nodes: readonly string[]): Promise<void>
  trash(share: string): Promise<readonly TrashRow[]>
  restore(share: string, nodes: readonly string[]): Promise<void>
  /** For ever; gives quota back. */
  erase(share: string, nodes: readonly string[]): Promise<void>
  emptyTrash(share: string): Promise<number>
  versions(share: string, node: string): Promise<readonly VersionRow[]>
  /** `node` null asks for the share as a whole. */
  custody(share: string, node: string | null): Promise<Custody>
}

// ---------------------------------------------------------------- transfers

/** What is dropped or chosen. `path` is relative with "/"; a folder without files comes as `folder`. */
export type UploadItem =
  | { readonly kind: 'file'; readonly path: string; readonly file: File }
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'unreadable'; readonly path: string; readonly reason: string }

export type Skipped = { readonly path: string; readonly reason: string }

/** One upload or download as it stands; sent at most ten times a second. */
export type Transfer = {
  readonly id: string
  readonly direction: 'upload' | 'download'
  readonly share: string
  readonly folder: string | undefined
  /** First path part, or the name of the file or zip. */
  readonly title: string
  readonly state: 'waiting' | 'running' | 'done' | 'cancelled' | 'failed' | 'interrupted'
  readonly files: number
  readonly filesTotal: number
  readonly bytes: number
  readonly bytesTotal: number
  /** Bytes per second over the last seconds; undefined while unknown. */
  readonly bytesPerSecond: number | undefined
  /** False while items are still being added. */
  readonly complete: boolean
  readonly skipped: readonly Skipped[]
  /** Code and words of what ended it. */
  readonly error: { readonly code: string; readonly message: string } | undefined
}

export type OpenedDownload = {
  readonly transfer: string
  /** File name for the disk: safe on every system. */
  readonly name: string
  /** Undefined for zips whose length is not known. */
  readonly sizeBytes: number | undefined
  readonly type: string
  /**
   * Pull protocol: send `{ pull: true }`, get `{ chunk: ArrayBuffer }`, `{ end: true }` or `{ error: { code, message } }`;
   * send `{ cancel: true }` to stop.
   */
  readonly port: MessagePort
}

/** A file for `<video>` and `<audio>`: parts of it, as they are asked for. */
export type OpenedMedia = {
  readonly name: string
  readonly sizeBytes: number
  /** Always one of the safe types of media-type.ts. */
  readonly type: string
  /** Send `{ start, end, port }` (end exclusive): the part comes at `port` by the pull protocol. */
  readonly port: MessagePort
}

export type TransfersApi = {
  /** Begins an upload into a folder; add items, then end. */
  beginUpload(share: string, folder: string, title: string): Promise<string>
  addItems(transfer: string, items: readonly UploadItem[]): Promise<void>
  endItems(transfer: string): Promise<void>
  cancel(transfer: string): Promise<void>
  /** Uploads that a reload or crash cut off, known from this browser's store: the same items again go on with them. */
  interrupted(): Promise<readonly Transfer[]>
  forgetInterrupted(transfer: string): Promise<void>
  /** One file as it is; several items or a folder as a zip. `version` only with one file. */
  download(share: string, nodes: readonly string[], version?: number): Promise<OpenedDownload>
  /** One file for a player, read in parts: workers/downloads.ts makes an address of it. */
  openMedia(share: string, node: string, version?: number): Promise<OpenedMedia>
  /** Plaintext bytes `start` to `end` of a file (end exclusive, at most 64 MiB), for previews and ranges of media. */
  readRange(
    share: string,
    node: string,
    start: number,
    end: number,
    version?: number,
  ): Promise<ArrayBuffer>
}

// ---------------------------------------------------------------- events

export type WorkerEvent =
  | { readonly type: 'status'; readonly status: AccountStatus }
  /** The session ended elsewhere, or was revoked: keys are gone from this tab. */
  | { readonly type: 'signed-out'; readonly reason: 'revoked' | 'expired' | 'other-tab' }
  /** Another tab of this browser signed in, while this one was not: ask for the status again. */
  | { readonly type: 'signed-in-elsewhere' }
  | { readonly type: 'share-changed'; readonly share: string }
  | { readonly type: 'shares-changed' }
  | { readonly type: 'transfer'; readonly transfer: Transfer }
  | { readonly type: 'usage'; readonly usage: Usage }
  | { readonly type: 'online'; readonly online: boolean }
  /** The server was caught lying about a share or the account; what is shown stays what was verified. */
  | { readonly type: 'integrity'; readonly code: string; readonly share: string | undefined }
  /** An act from the outbox was refused for good. */
  | { readonly type: 'act-refused'; readonly code: string; readonly message: string }
  /** The browser's store is full or not allowed: the app works, and starts slower. */
  | { readonly type: 'store-unavailable' }

export type AccountWorker = {
  readonly identity: IdentityApi
  readonly account: AccountApi
  readonly shares: SharesApi
  readonly transfers: TransfersApi
  subscribe(listener: (event: WorkerEvent) => void): Promise<void>
}
