import { CliError } from '../cli-error.ts'

/** As the server's settings read them (docs/guide/hosts.md): powers of 1024 without the `B` too. */
const unitBytes: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
}

/** Bytes of a size such as `1048576`, `5GB` (10^9) or `1.5GiB` (2^30). Throws a usage error that does not repeat it. */
export const parseSize = (text: string): number => {
  const [, digits, unit = ''] = /^([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)$/.exec(text) ?? []
  const factor = unitBytes[unit.toLowerCase()]
  const sizeBytes = Math.round(Number(digits) * (factor ?? Number.NaN))
  if (Number.isSafeInteger(sizeBytes)) return sizeBytes
  throw new CliError('usage', 'That is no size.', 'Give one such as 500MB, 100GiB or 1048576.')
}
