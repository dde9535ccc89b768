/** Words of the design system: what components say by themselves. */

const plural = (count: number, one: string, many: string): string =>
  `${count.toLocaleString('en')} ${count === 1 ? one : many}`

export const text = {
  product: 'Hearthold',
  optional: 'optional',
  close: 'Close',
  cancel: 'Cancel',
  again: 'Try again',
  busy: 'Working',
  loading: 'Loading',
  dismiss: 'Dismiss',
  more: 'More',
  step: (now: number, of: number) => `Step ${now} of ${of}`,

  password: {
    show: 'Show the password',
    hide: 'Hide the password',
    strength: 'Strength',
    levels: ['Very weak', 'Weak', 'Fair', 'Good', 'Strong'],
  },

  copy: {
    act: 'Copy',
    done: 'Copied',
    failed: 'This browser did not allow copying. Select the text and copy it yourself.',
  },

  confirm: {
    type: (word: string) => `Type “${word}” to go on`,
  },

  kinds: { info: 'Note', ok: 'Done', warn: 'Careful', bad: 'Problem' },

  error: { safe: 'What is safe', todo: 'What to do' },

  seal: {
    memberHeld: (people: number) =>
      people === 1 ? 'Sealed for you' : `Sealed for ${plural(people, 'person', 'people')}`,
    serverHeld: 'This server can open it',
    ask: 'Who can read this?',
  },

  readers: {
    title: 'Who can read this?',
    /** Both follow the name. */
    sealed: ' is sealed. It opens only on devices of:',
    open: ' can be opened by this server while it runs, and by these people:',
    you: (name: string) => `${name} (you)`,
    devices: (count: number) => plural(count, 'device', 'devices'),
    since: (when: string) => `since ${when}`,
    thisDevice: 'this device',
    server: 'This server',
    serverNo: (size: string) => `No. It stores ${size} it cannot open.`,
    serverNothing: 'No. It stores nothing of it yet.',
    serverYes: (size: string) => `Yes. It stores ${size} and holds a key to it.`,
    changeTitle: 'What would change this',
    changeSealed:
      'Signing in on another device adds that device; revoking one makes new keys for what is written afterwards. Each is signed by you. Nobody else can be given it in this version.',
    changeOpen:
      'Moving it to a place that is sealed for members. What the server could read until then it may have read.',
    noDevices: 'no device yet',
    loading: 'Asking who can read it',
  },

  shell: {
    skip: 'Skip to the content',
    areas: 'Areas',
    host: 'Host',
    files: 'Files',
    repositories: 'Repositories',
    account: 'Account',
    administration: 'Administration',
    theme: 'Appearance',
    themes: {
      system: 'As the system',
      light: 'Light',
      dark: 'Dark',
      contrast: 'High contrast',
    },
    accountMenu: (name: string) => `${name}: account and appearance`,
    /** Follows the name, for screen readers. */
    accountOf: ': account and appearance',
    settings: 'Account',
    signOut: 'Sign out',
    details: 'Details',
    closeDetails: 'Close the panel',
    toasts: 'Messages',
  },

  quota: {
    of: (used: string, all: string) => `${used} of ${all} used`,
    used: (used: string) => `${used} used`,
    noLimit: 'No limit',
    label: 'Storage',
    low: 'Nearly full',
    full: 'Full',
  },

  calendar: {
    label: (days: number, of: number) => `Snapshots on ${days} of the last ${of} days`,
    last: (day: string) => `the last on ${day}`,
    never: 'none so far',
    missedDays: (days: number) => `${plural(days, 'day', 'days')} on which a backup was due`,
    states: {
      snapshot: 'a snapshot arrived',
      none: 'no snapshot',
      missed: 'a backup was due',
      before: 'before it was made',
    },
    today: 'today',
    ago: (days: number) => `${days} days ago`,
  },

  rows: {
    count: (count: number) => plural(count, 'row', 'rows'),
  },

  /** Shown in place of characters that nobody sees, by their code. */
  hiddenCharacter: (code: string) => `[U+${code}]`,
} as const
