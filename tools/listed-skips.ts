/** Tests that may be skipped, each with the reason. Any other skipped test fails the run. */
export type ListedSkip = {
  /** The run it belongs to: `default` for `npm test`, or that of test/clients or test/long. */
  readonly suite: 'default' | 'clients' | 'long'
  /** Start of `file > name`, the file from the root of the checkout. */
  readonly test: string
  readonly reason: string
}

export const listedSkips: readonly ListedSkip[] = [
  {
    suite: 'default',
    test: 'test/crash/server-disk-full.test.ts > a disk that fills up',
    reason: 'needs the right to mount in a user name space (unshare --map-root-user --mount)',
  },
  ...['other-servers', 'rest-server-both-ways'].map((file) => ({
    suite: 'clients' as const,
    test: `test/clients/${file}.test.ts > rest-server itself`,
    reason: 'needs the binary of rest-server 0.14, which REST_SERVER names',
  })),
]
