/** Kinds of logs, as the genesis names them. Numbers are for ever. */
export const logKinds = { account: 1, share: 2 } as const

/** Kinds of entries in an account log. */
export const accountEntryKinds = {
  enrol: 1,
  state: 2,
  pin: 3,
  retire: 4,
  profile: 5,
  identity: 6,
} as const

/** Kinds of entries in a share log. */
export const shareEntryKinds = { found: 1, change: 2, fence: 3, describe: 4 } as const
