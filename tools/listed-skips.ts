/**
 * Tests that may be skipped, by the start of `file > name`, each with the reason. Any other
 * skipped test fails the run.
 */
export const listedSkips: { test: string; reason: string }[] = [
  {
    test: 'product test/crash/server-disk-full.test.ts > a disk that fills up',
    reason: 'needs the right to mount in a user name space (unshare --map-root-user --mount)',
  },
  ...['other-servers', 'rest-server-both-ways'].map((file) => ({
    test: `test/clients/${file}.test.ts > rest-server itself`,
    reason: 'needs the binary of rest-server 0.14, which REST_SERVER names',
  })),
]
