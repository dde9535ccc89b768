/** Words of the reader: what is in a repository, opened in this browser. */

const plural = (count: number, one: string, many: string): string =>
  `${count.toLocaleString('en')} ${count === 1 ? one : many}`

const items = (count: number): string => plural(count, 'item', 'items')

export const text = {
  items,
  snapshots: (count: number) => plural(count, 'snapshot', 'snapshots'),

  open: {
    title: 'Open this repository',
    lead: 'With the password that you chose at “restic init”. It stays in this tab, goes to nobody, and is forgotten when you leave or lock.',
    password: 'Password of the repository',
    act: 'Open',
    working: 'Trying the password. It is made to take a moment.',
    cancel: 'Cancel',
    emptyTitle: 'There is nothing to browse yet',
    emptyText: 'Once a machine has made its first backup, its snapshots are here.',
    credential: 'Make a credential',
  },
  close: 'Close it',
  closeHint: 'Forgets the password',
  closed: 'Closed. The password is forgotten.',
  leave: 'A restore is under way. Leave, and cut it off?',

  list: {
    label: 'Snapshots',
    columns: { time: 'Made', host: 'Machine', paths: 'Folders', size: 'Size', acts: 'Acts' },
    noneTitle: 'No snapshots',
    noneText: 'This repository was made, and no backup has been finished so far.',
    problems: (count: number) =>
      `${plural(count, 'snapshot', 'snapshots')} could not be read: damaged. All others are here.`,
    filter: 'Filter by machine, folder or tag',
    nothing: 'No snapshot matches',
    open: (when: string) => `Open the snapshot of ${when}`,
    select: (when: string) => `Select the snapshot of ${when}`,
    compare: 'Compare',
    compareTwo: 'Choose two to compare them',
    selected: (count: number) => `${plural(count, 'snapshot', 'snapshots')} selected`,
    restore: 'Restore all of it',
    refresh: 'Look for new ones',
    unknownSize: '—',
    noHost: 'unknown machine',
  },

  folder: {
    label: (name: string) => `Contents of ${name}`,
    path: 'Path in the snapshot',
    root: 'Snapshot',
    snapshots: 'Snapshots',
    up: 'Up one level',
    columns: { name: 'Name', size: 'Size', changed: 'Changed' },
    sortBy: (column: string) => `Sort by ${column.toLowerCase()}`,
    emptyTitle: 'This folder is empty',
    emptyText: 'It was empty when the snapshot was made.',
    search: 'Search by name',
    searchHint: 'In the whole snapshot. With * and ? as in “*.jpg”.',
    kinds: { folder: 'Folder', file: 'File', link: 'Link', other: 'Device or pipe' },
    noSize: '—',
    otherHint: 'A device, pipe or socket: it comes back with restic alone.',
    linkTo: (target: string) => `A link to ${target}`,
    index: (done: number, of: number) => `Reading the index: ${done} of ${of}`,
    indexStart: 'Reading the index',
  },

  search: {
    title: (wanted: string) => `Names with “${wanted}”`,
    label: 'Found',
    running: (found: number) =>
      `Looking through the snapshot: ${plural(found, 'name', 'names')} so far`,
    done: (found: number) => `${plural(found, 'name', 'names')} found`,
    more: (limit: number) =>
      `Only the first ${limit.toLocaleString('en')} are shown. Search for something narrower.`,
    noneTitle: 'Nothing has this name',
    noneText: 'The whole snapshot was looked through.',
    stop: 'Stop',
    stopped: 'Stopped. What was found until then is shown.',
    back: 'Back to the folder',
    inFolder: 'in',
    problems: (count: number) =>
      `${plural(count, 'folder', 'folders')} could not be read: damaged.`,
  },

  compare: {
    title: 'What changed',
    between: (older: string, newer: string) => `From ${older} to ${newer}`,
    label: 'Differences',
    columns: { name: 'Name', change: 'Change', size: 'Size' },
    kinds: {
      added: 'Added',
      removed: 'Removed',
      changed: 'Changed',
      type: 'Other kind',
      attributes: 'Attributes',
    },
    sum: (added: number, removed: number, changed: number) =>
      `${added.toLocaleString('en')} added, ${removed.toLocaleString('en')} removed, ${changed.toLocaleString('en')} changed`,
    running: 'Comparing',
    noneTitle: 'Nothing differs',
    noneText: 'Both snapshots hold the same files with the same contents.',
    all: 'All',
    show: 'Show',
    restoreOlder: (name: string) => `Restore ${name} as it was`,
    restore: 'Restore',
  },

  selection: {
    selected: (count: number) => `${items(count)} selected`,
    selectAll: 'Select all',
    select: (name: string) => `Select ${name}`,
    clear: 'Clear selection',
    preview: 'Preview',
  },

  restore: {
    act: 'Restore',
    more: (what: string) => `More ways to restore ${what}`,
    file: 'Download the file',
    zip: 'Download as a zip',
    folder: 'Restore into a folder …',
    all: 'Restore this folder',
    done: (count: number, name: string) =>
      `${plural(count, 'file', 'files')} restored into ${name}`,
    intoNote:
      'Contents and names come back. Owners, permissions, times and links come back with restic, or hearthold repository restore.',
    leftOut: 'Everything else was restored.',
    folderRefused: 'The browser was not allowed to write into that folder.',
    skippedReasons: {
      link: 'a link: no link can be written from a browser',
      other: 'a device, pipe or socket',
      damaged: 'damaged in the repository: not restored, so that nothing false takes its place',
    },
    notHere: 'This browser cannot write into a folder. Download a zip instead.',
  },

  problemSafe: 'Nothing was changed. What else is in the repository is not affected.',
  /** By the codes of the reader, with `restic_` before them. */
  problems: {
    restic_not_a_repository: {
      title: 'There is no restic repository here yet.',
      todo: 'Run “restic init” on the machine with a credential of this repository.',
    },
    restic_unsupported_version: {
      title: 'This repository is of a version that is not known here.',
      todo: 'Open it with restic itself, in its newest version.',
    },
    restic_no_keys: {
      title: 'The repository has no key file.',
      todo: 'Look into the bin: it may have been deleted. Bring it back, then open it again.',
    },
    restic_wrong_password: {
      title: 'That is not the password of this repository.',
      todo: 'It is the one that restic asks for, not the one of your account here.',
    },
    restic_key_damaged: {
      title: 'The key files of this repository are damaged.',
      todo: 'Look into the bin for older ones. If a machine still has a copy of the keys folder, upload it again.',
    },
    restic_key_refused: {
      title: 'A key file asks for more work than any restic does.',
      todo: 'It was refused: it may have been made to stall whoever opens it. Ask who wrote it.',
    },
    restic_damaged: {
      title: 'A part of the repository is damaged.',
      todo: 'What it holds is not shown, so that nothing false is. Other snapshots and files may be whole. “restic repair” on the machine, then a backup, heals what the machine still has.',
    },
    restic_object_missing: {
      title: 'A part of the repository is missing.',
      todo: 'Look into the bin: what was deleted can be brought back from there.',
    },
    restic_blob_missing: {
      title: 'The index does not say where a part of this lies.',
      todo: 'Run “restic repair index” on the machine, or bring the index back from the bin.',
    },
    restic_index_missing: {
      title: 'The repository has no index.',
      todo: 'Bring it back from the bin, or run “restic repair index” on the machine.',
    },
    restic_too_large: {
      title: 'This is larger than can be read in a browser.',
      todo: 'Use restic itself, or hearthold repository restore.',
    },
    restic_name_refused: {
      title: 'A name in this snapshot is none that a file can have.',
      todo: 'The folder is not shown: it may have been made to write elsewhere. Ask who made the snapshot.',
    },
    restic_snapshot_not_found: {
      title: 'This snapshot is not there any more.',
      todo: 'A clean-up may have deleted it. The bin has it for a while.',
    },
    restic_snapshot_ambiguous: { title: 'Several snapshots begin with that.', todo: 'Choose one.' },
    restic_path_not_found: {
      title: 'That is not in this snapshot.',
      todo: 'Go back to the folder, and choose anew.',
    },
    restic_not_a_folder: { title: 'That is no folder.', todo: 'Go back, and choose anew.' },
    restic_not_a_file: { title: 'That is no file.', todo: 'Go back, and choose anew.' },
    restic_source: {
      title: 'The server sent another part than was asked for.',
      todo: 'Try again. If it stays, tell the host.',
    },
    reader_closed: {
      title: 'The repository is closed.',
      todo: 'Open it again with its password.',
    },
    folder_refused: {
      title: 'The browser may not write into that folder.',
      todo: 'Choose another, or download a zip.',
    },
  },
} as const
