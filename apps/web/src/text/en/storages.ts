/** Words of the hosts' page about storages. */

const plural = (count: number, one: string, many: string): string =>
  `${count.toLocaleString('en')} ${count === 1 ? one : many}`

export const text = {
  title: 'Storages',
  lead: 'Where repositories may lie besides the disk of this server. They hold sealed bytes alone; what opens them stays with the members.',
  add: 'Add a storage',
  noneTitle: 'Only the disk of this server',
  noneText:
    'Add an S3 bucket or a WebDAV folder, and members can choose it for their repositories.',
  kinds: { s3: 'S3', webdav: 'WebDAV' },
  repositories: (count: number) =>
    count === 0 ? 'no repositories' : plural(count, 'repository', 'repositories'),
  added: 'Added',
  objectLock: 'Object Lock',
  more: (name: string) => `More for ${name}`,
  test: 'Try it',
  testLabel: (name: string) => `Try it: ${name}`,
  works: (name: string, ms: string) =>
    `${name} works: an object was written, read, moved, listed and removed in ${ms}.`,
  changeSecret: 'Change the secret …',
  changeSettings: 'Change the settings …',
  remove: 'Remove …',
  removeInUse: 'Repositories lie in it',
  removeTitle: (name: string) => `Remove ${name}?`,
  removeText:
    'This server forgets its address and its secret. What lies in the storage stays there. No repository uses it.',
  removeAct: 'Remove storage',
  removed: (name: string) => `${name} was removed.`,

  dialog: {
    add: 'Add a storage',
    addText: 'It is tried before it is kept. Its secret is sealed, and never shown again.',
    settings: (name: string) => `Settings of ${name}`,
    settingsText: 'The changed settings are tried before they are kept.',
    kind: 'Kind',
    s3: 'S3',
    s3Hint: 'A bucket of any store that speaks S3.',
    webdav: 'WebDAV',
    webdavHint: 'A folder of a WebDAV server.',
    name: 'Name',
    nameHint: 'Members see it when they choose. Small letters, digits, dots, hyphens.',
    nameWrong: 'Small letters, digits, dots, hyphens and underscores; the first a letter or digit.',
    endpoint: 'Endpoint',
    endpointHint: 'With https:// and without the bucket.',
    region: 'Region',
    bucket: 'Bucket',
    prefix: 'Folder within the bucket',
    prefixHint: 'Empty for its top, or such as “hearthold/”.',
    prefixWrong: 'Names with a slash after each, such as “hearthold/”.',
    addressing: 'Bucket in',
    path: 'the path',
    host: 'the host name',
    accessKey: 'Access key',
    secretKey: 'Secret key',
    lock: 'Hold objects by Object Lock',
    lockHint:
      'For as long as the bin keeps deleted data not even the store destroys them. Refused where the store does not offer it.',
    url: 'Address of the folder',
    user: 'User name',
    password: 'Password',
    addressWrong: 'An address that begins with https:// or http://.',
    needed: 'This is needed.',
    bucketWrong: '3 to 63 small letters, digits, dots and hyphens.',
    act: 'Try and add',
    saveAct: 'Try and save',
    working: 'Writing, reading, moving, listing and removing an object there.',
    done: (name: string) => `${name} was added. Members can choose it now.`,
    saved: (name: string) => `${name} was tried and saved.`,
  },
  secret: {
    title: (name: string) => `Secret of ${name}`,
    text: 'The new one is tried before it takes the place of the old one.',
  },
} as const
