/** Words of the repositories area, but for the reader (reader.ts). */

const plural = (count: number, one: string, many: string): string =>
  `${count.toLocaleString('en')} ${count === 1 ? one : many}`

export const text = {
  area: 'Repositories',
  objects: (count: number) => plural(count, 'object', 'objects'),
  snapshots: (count: number) => plural(count, 'snapshot', 'snapshots'),
  days: (count: number) => plural(count, 'day', 'days'),
  hours: (count: number) => plural(count, 'hour', 'hours'),
  seal: 'Sealed by restic',
  sealAsk: (name: string) => `Who can read ${name}?`,
  loadFailed: 'The repositories could not be loaded',

  list: {
    create: 'New repository',
    mine: 'Yours',
    everyone: "Everyone's",
    whose: 'Whose repositories',
    label: 'Repositories',
    emptyTitle: 'No repositories yet',
    emptyText:
      'A repository is where restic keeps the backups of a machine. restic seals them with a password that this server never sees.',
    everyoneEmptyTitle: 'Nobody has a repository yet',
    everyoneEmptyText:
      'What members make is listed here: how much it is and how it does, never what is in it.',
    stored: 'stored',
    newest: 'newest snapshot',
    proven: 'last proven',
    notYet: 'not yet',
    none: 'none yet',
    browse: 'Browse snapshots',
    credentials: 'Credentials',
    open: 'Open',
    restore: 'Bring back',
    of: (owner: string) => `of ${owner}`,
    binTitle: 'In the bin',
    binText: 'What is here takes room until it is destroyed.',
    destroyed: 'Destroyed',
    counting: 'Being counted anew; these are the last numbers known.',
    provenHint:
      'When all objects were last compared with their names, or a drill last restored from it.',
  },

  health: {
    onTime: 'On time',
    fine: 'In order',
    waiting: 'Waits for its first backup',
    removed: 'In the bin',
    noAlarms: 'Nothing asks for you.',
    noneYet: 'Nothing has arrived so far. Make a credential, and begin with restic on the machine.',
    title: 'Needs you',
    since: 'Since',
    overdue: {
      badge: (span: string) => `No backup for ${span}`,
      title: (span: string) => `No snapshot has arrived for ${span}`,
      titleNever: (span: string) => `No snapshot has arrived in the ${span} since it was made`,
      todo: 'Look at the machine that makes the backups: is it on, does its timer run, does restic say an error? What is stored is not affected.',
    },
    burst: {
      badge: 'Much was deleted',
      title: 'Much was deleted within a day',
      todo: 'If a clean-up of yours did this, say so here. If not, bring it back from the bin, and revoke the credential that did it.',
      seen: 'It was me',
      bin: 'Open the bin',
    },
    damaged: {
      badge: 'Damaged objects',
      title: (count: number) =>
        `${plural(count, 'object is', 'objects are')} not what ${count === 1 ? 'its name says' : 'their names say'}`,
      todo: 'The disk or storage has changed them. Run “restic repair index”, then a backup: what the machine still has is sent again and heals them. Tell the host to check the disk.',
      which: 'Which objects',
      more: (count: number) => `and ${count.toLocaleString('en')} more`,
    },
    maintain: {
      badge: 'Maintenance is late',
      badgeFailed: 'Maintenance failed',
      title: 'Maintenance was not run in time',
      titleFailed: 'The last maintenance failed',
      todo: 'Run “hearthold repository maintain” on the machine and read what it says. Backups go on meanwhile.',
    },
    drill: {
      badge: 'Drill is late',
      badgeFailed: 'Drill failed',
      title: 'No drill was run in time',
      titleFailed: 'The last drill failed',
      todo: 'Run “hearthold repository drill” on the machine and read what it says. Until one succeeds, nobody has proven that this can be restored.',
    },
    quota: {
      badge: 'Nearly full',
      title: 'More than nine tenths of its limit are used',
      todo: 'A backup beyond the limit is refused. Raise the limit, or let maintenance forget old snapshots.',
      act: 'Change the limit',
    },
    storage: {
      badge: 'Out of reach',
      title: 'Its storage cannot be reached',
      todo: 'Backups fail until it can be. The numbers here are the last ones known. Tell the host.',
    },
  },

  create: {
    title: 'New repository',
    lead: 'One for each machine is a good start: what happens to one then touches no other.',
    name: 'Name',
    nameHint:
      'Part of its address, and visible to the server. Small letters, digits, dots, hyphens.',
    nameEmpty: 'Give it a name.',
    nameWrong: 'Small letters, digits, dots, hyphens and underscores; the first a letter or digit.',
    nameKept: 'The restic protocol keeps this name for itself.',
    storage: 'Where it lies',
    storageHint: 'In all of these it is sealed the same way.',
    ownDisk: 'The disk of this server',
    storageKinds: { s3: 'S3', webdav: 'WebDAV' },
    quota: 'Limit',
    noQuota: 'No limit of its own',
    noQuotaHint: 'Your room on this server still holds.',
    someQuota: 'A limit of its own',
    freeze: 'Days that deleted data waits in the bin',
    freezeHint: 'Whatever a machine deletes can be brought back this long, by you alone.',
    freezeWrong: 'A number of days from 1 to 3,650.',
    alarm: 'Alarm after this many hours without a snapshot',
    alarmHint: 'Empty for no alarm. 36 fits a backup each day.',
    alarmWrong: 'A number of hours from 1 to 8,784, or nothing.',
    nextTitle: 'What happens next',
    nextText:
      'You make a credential for the machine, and get the lines for restic ready to copy. restic asks for a password of its own: keep it, nobody can replace it.',
    act: 'Create repository',
    more: 'Limit, bin and alarm',
  },

  page: {
    parts: 'Parts of this repository',
    overview: 'Overview',
    credentials: 'Credentials',
    bin: 'Bin',
    browse: 'Browse',
    settings: 'Settings',
    path: 'Path',
    notFound: 'There is no such repository, or it is not yours',
    notFoundTodo: 'It may have been destroyed. The list shows those that are there.',
    back: 'All repositories',
    othersText: (owner: string) =>
      `This repository belongs to ${owner}. You see how it does. What is in it only they can open.`,
    others: 'someone else',
    removedTitle: 'This repository is in the bin',
    removedText:
      'Its credentials rest: no machine can read or write. Bring it back, and they work again.',
    removedUntil: 'It is destroyed',
    removedEarliest: 'at the earliest.',
    removedCounts: (bytes: string, mine: boolean) =>
      mine
        ? `Until then its ${bytes} count against your room, unless a host destroys it sooner.`
        : `Until then its ${bytes} count against the room of its owner, unless you destroy it sooner: see its settings.`,
    restore: 'Bring it back',
    restored: (name: string) => `${name} is back. Its credentials work again.`,
  },

  overview: {
    facts: 'Facts',
    stored: 'Stored',
    snapshots: 'Snapshots',
    newest: 'Newest snapshot',
    objects: 'Objects',
    inBin: 'In the bin',
    storage: 'Lies in',
    created: 'Made',
    freeze: 'Bin keeps',
    alarm: 'Alarm after',
    noAlarm: 'never',
    ownDisk: 'the disk of this server',
    backups: 'Backups of the last 60 days',
    backupsText:
      'Days on which a snapshot arrived that is still there, by the clock of the server (UTC).',
    begin: 'Back up a machine',
    beginText:
      'On the machine, with restic installed. The repository file holds the address and the secret of a credential; make one first.',
    beginCredential: 'Make a credential',
    scrub: 'Check of every object',
    scrubText:
      'The server reads each object and compares it with its name, which is its fingerprint. A round takes up to 30 days.',
    scrubNever: 'No round has begun yet.',
    scrubRunning: (done: string, of: string) => `${done} of about ${of} checked`,
    scrubBegan: 'Began',
    scrubDone: (objects: string, bytes: string) =>
      `${objects}, ${bytes}: all are what their names say.`,
    scrubDamaged: (count: number) => `${plural(count, 'object is', 'objects are')} damaged.`,
    scrubFinished: 'Finished',
    scrubStart: 'Check now',
    scrubStarted: 'The check has begun.',
    scrubAgain: 'Begin anew',
    scrubBar: 'Check of every object',
    machine: "On the member's machine",
    machineText:
      'The machine tells how these end. Both come with a timer; the command line has them: hearthold repository maintain, hearthold repository drill.',
    maintain: 'Maintenance',
    maintainText: 'forgets old snapshots by rule, and gives room back',
    drill: 'Drill',
    drillText: 'restores the newest snapshot to prove that it can be',
    never: 'not run so far',
    ok: 'Went well',
    failed: 'Failed',
    expected: (hours: string) => `expected every ${hours}`,
    files: (count: number) => plural(count, 'file', 'files'),
  },

  lines: {
    copy: 'Copy',
    copyLabel: (what: string) => `Copy: ${what}`,
    file: 'With the repository file',
    fileText: 'The secret stays out of the environment and of the list of processes.',
    environment: 'By environment',
    timer: 'Each night, by systemd',
    timerText:
      'Save both in ~/.config/systemd/user, then run: systemctl --user enable --now restic-backup.timer. The password of the repository stands in a file that only you can read.',
    password:
      'restic asks for the password of the repository, and makes it at “init”. Keep it apart from the machine: without it nobody can open these backups.',
  },

  credentials: {
    title: 'Credentials',
    lead: 'A user name and a secret for one machine. Each can be revoked alone, at once.',
    create: 'New credential',
    emptyTitle: 'No machine can reach it yet',
    emptyText: 'Make a credential for the machine that is to be backed up.',
    scopes: {
      append: 'Adds and reads',
      read: 'Reads',
      maintain: 'Adds, reads and deletes',
    },
    scopeHints: {
      append: 'For backups. Deletes nothing, whoever gets hold of the machine.',
      read: 'For restoring alone.',
      maintain: 'For forgetting old snapshots. What it deletes waits in the bin.',
    },
    made: 'Made',
    used: 'last used',
    neverUsed: 'never used',
    ends: 'ends',
    ended: 'Ended',
    noEnd: 'no end',
    writes: (count: number) => plural(count, 'write', 'writes'),
    deletions: (count: number) => plural(count, 'deletion', 'deletions'),
    refusedDeletions: (count: number) => plural(count, 'deletion refused', 'deletions refused'),
    failed: (count: number) =>
      plural(
        count,
        'upload that was not what its name said',
        'uploads that were not what their names said',
      ),
    counters: 'Since it was made',
    old: 'Older than a year',
    oldHint: 'Make a new one, put it on the machine, then revoke this one. Both work meanwhile.',
    revoke: 'Revoke',
    revokeLabel: (label: string) => `Revoke ${label}`,
    revokeTitle: (label: string) => `Revoke ${label}?`,
    revokeText:
      'The machine that has it can neither read nor write from this moment on, also in the middle of a backup. What it stored stays. It cannot be made valid again; a new one can be made.',
    revokeAct: 'Revoke credential',
    revoked: (label: string) => `${label} was revoked.`,
  },

  newCredential: {
    title: 'New credential',
    label: 'For which machine',
    labelHint: 'What you recognise it by, such as “laptop of Ada”. The server sees it.',
    labelEmpty: 'Say which machine it is for.',
    scope: 'What it may do',
    valid: 'Good for',
    spans: { 0: 'No end', 30: '30 days', 90: '90 days', 365: '1 year', 730: '2 years' },
    act: 'Create credential',
    madeTitle: 'Your credential',
    madeText:
      'The secret is shown only now, and kept nowhere: put it on the machine before you close this.',
    user: 'User name',
    secret: 'Secret',
    copySecret: 'Copy the secret',
    copyUser: 'Copy the user name',
    download: 'Download the repository file',
    fileHint: (name: string) =>
      `${name}: the address with user name and secret in it, for the option “repository-file” of restic. Keep it readable for yourself alone.`,
    saved: 'The repository file was saved.',
    done: 'I have put it on the machine',
    leaveTitle: 'Close without keeping the secret?',
    leaveText:
      'It was neither copied nor saved here, and is not shown again. You can revoke this credential and make another.',
    leaveAct: 'Close',
  },

  bin: {
    title: 'Bin',
    lead: (days: string) =>
      `What a machine deletes waits here for ${days}. No credential can empty it or make it shorter.`,
    emptyTitle: 'The bin is empty',
    emptyText: 'When a machine deletes something, it can be brought back from here.',
    holds: (objects: string, bytes: string) => `${objects}, ${bytes}`,
    group: (snapshots: number, objects: number) =>
      snapshots === 0
        ? plural(objects, 'object', 'objects')
        : `${plural(snapshots, 'snapshot', 'snapshots')}, ${plural(objects, 'object', 'objects')} in all`,
    deleted: 'Deleted',
    kept: 'kept until',
    restoreSince: 'Bring back from here on',
    restoreSinceLabel: (when: string) => `Bring back from here on: deleted ${when}`,
    restoreAll: 'Bring back everything',
    restoreTitle: 'Bring back what was deleted?',
    restoreSinceText: (objects: string, bytes: string, when: string) =>
      `Everything that was deleted since ${when}: ${objects}, ${bytes}. It lies where it lay before. Nothing that is there now is changed.`,
    restoreAllText: (objects: string, bytes: string) =>
      `Everything in the bin: ${objects}, ${bytes}. It lies where it lay before. Nothing that is there now is changed.`,
    restoreAct: (objects: string) => `Bring back ${objects}`,
    restored: (objects: string, bytes: string) => `${objects} brought back, ${bytes}.`,
    untilTitle: 'How long it waits',
    until:
      'Nothing is destroyed before the day that is named. It may stay longer: once the server was off for more than a day, it first runs for a day, so that a clock that is wrong destroys nothing.',
    whyTitle: 'What comes back',
    why: 'A snapshot needs the objects that were deleted with it, which a clean-up deletes after it. So this brings back everything from a moment on, never one alone.',
  },

  settings: {
    quotaTitle: 'Limit',
    quotaText: 'What lies in the bin does not count.',
    quotaBelow: (used: string) =>
      `${used} are used already: backups are refused until there is room.`,
    freezeTitle: 'Bin',
    freezeText: 'How long whatever a machine deletes can be brought back.',
    freezeShorter:
      'A shorter time holds only for what is deleted from now on. What lies in the bin stays as long as it was promised. You are asked to prove that it is you.',
    asksProof: 'You are asked to prove that it is you.',
    alarmTitle: 'Alarm',
    alarmText: 'Says so here, in the metrics and on the command line when no snapshot arrives.',
    save: 'Save',
    saved: 'Saved.',
    unchanged: 'Nothing to save',
    removeTitle: 'Remove this repository',
    removeText: (days: string) =>
      `It goes to the bin as a whole. Its credentials rest at once. You can bring it back for ${days}; then it is destroyed. Until then it takes your room as before.`,
    remove: 'Remove repository',
    removeAsk: (name: string) => `Remove ${name}?`,
    removeAskText: (snapshots: string, bytes: string, days: string) =>
      `${snapshots}, ${bytes}. Its machines cannot reach it from this moment on. You can bring it back for ${days}; after that it is destroyed for ever.`,
    removed: (name: string) => `${name} is in the bin.`,
    undo: 'Undo',
    purgeTitle: "Host: end the bin's time early",
    purgeText:
      'For when room is needed at once, or something must not lie here. What is destroyed never comes back, for nobody. Its owner is not asked.',
    purgeBin: 'Destroy what is in the bin',
    purgeWhole: 'Destroy this repository',
    purgeAsk: (name: string) => `Destroy for ever: ${name}`,
    purgeBinText: (objects: string, bytes: string) =>
      `${objects} in the bin, ${bytes}, are destroyed now. The repository itself stays.`,
    purgeWholeText: (snapshots: string, bytes: string) =>
      `The whole repository is destroyed now: ${snapshots}, ${bytes}, and its bin.`,
    purgeName: 'Type its name to go on',
    purgeCode: 'Code of your authenticator, or a backup code',
    purgeAct: 'Destroy for ever',
    purged: (objects: string, bytes: string) => `${objects} destroyed, ${bytes}.`,
    purgeNothing: 'Its bin is empty.',
  },

  readers: {
    title: 'Who can read this?',
    sentence:
      ' is sealed by restic on the machine that makes the backup. It opens only with its password.',
    knows: 'Whoever knows the password of the repository',
    knowsText:
      'You chose it at “restic init”. It is typed on your machines and, to browse, in this browser. It is never sent.',
    keys: 'Whoever has a credential',
    keysText: 'Reaches the sealed bytes, and opens nothing without the password.',
    server: 'This server',
    serverNo: (size: string) => `No. It stores ${size} it cannot open.`,
    serverSees:
      'It sees sizes, times and the names of objects, which are fingerprints; no names of files, no contents.',
    storage: (name: string) => `The storage ${name}`,
    storageNo: 'No. It keeps the same sealed bytes.',
    changeTitle: 'What would change this',
    change:
      'Telling someone the password, or adding a second one with “restic key add”. Forgetting it closes it for everyone: the recovery key of your account does not open it.',
  },
} as const
