import { ProblemError } from '@hearthold/contract'
import { findShare, openShare, splitPath, type Share } from '@hearthold/member'
import { CliError, type exitCodes } from '../cli-error.ts'
import { problemTable } from '../output/problem-table.ts'
import type { MemberConnection } from './with-member.ts'

/** `SHARE:/path` taken apart. `path` begins with a slash, has no empty names and is in NFC. */
export type SharePath = { readonly share: string; readonly path: string }

const shape = 'Write it as SHARE:/path, with the share by name or id.'

/**
 * Reads `SHARE:/path` or `SHARE:`; with `bare` also `SHARE` alone, which means all of it. The share's name may hold
 * colons that no slash follows. Throws a usage error for anything else, and for names that none can have.
 */
export const parseSharePath = (text: string, bare = false): SharePath => {
  const [, share, path] = /^(.+?):(?:(\/.*))?$/s.exec(text) ?? (bare ? ['', text, '/'] : [])
  if (share === undefined || share === '')
    throw new CliError('usage', 'A place in a share cannot be read.', shape)
  return { share, path: withAdviceNow(() => `/${splitPath(path ?? '/').join('/')}`) }
}

type Row = { readonly exit: keyof typeof exitCodes; readonly advice: string | undefined }

/** What problems mean that were found here, on the tree, and not by the server. */
const rows: Readonly<Partial<Record<ProblemError['code'], Row>>> = {
  bad_request: { exit: 'usage', advice: undefined },
  not_found: { exit: 'notFound', advice: 'hearthold ls shows what is there.' },
  object_exists: {
    exit: 'conflict',
    advice: 'Choose another name, or remove what is there first.',
  },
}

const explained = (error: unknown): unknown => {
  const row = error instanceof ProblemError ? rows[error.code] : undefined
  if (!row || !(error instanceof ProblemError)) return error
  const message = error.detail ?? problemTable[error.code].message
  return new CliError(row.exit, message, row.advice, { cause: error })
}

const withAdviceNow = <T>(work: () => T): T => {
  try {
    return work()
  } catch (error) {
    throw explained(error)
  }
}

/** Runs work on a share's tree; its problems get advice that fits a command line. */
export const withAdvice = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    throw explained(error)
  }
}

const noShare = (cause: unknown) =>
  new CliError('notFound', 'There is no such share.', 'hearthold share list shows yours.', {
    cause,
  })

const isNotFound = (error: unknown): boolean =>
  error instanceof ProblemError && error.code === 'not_found'

const find = async ({ member }: MemberConnection, nameOrLog: string): Promise<Share> => {
  if (/^[0-9a-f]{32}$/.test(nameOrLog)) {
    try {
      return await openShare(member, nameOrLog)
    } catch (error) {
      // A name may look like an id.
      if (!isNotFound(error)) throw error
    }
  }
  try {
    return await findShare(member, nameOrLog)
  } catch (error) {
    if (isNotFound(error)) throw noShare(error)
    throw explained(error)
  }
}

/**
 * The share of a name or id, brought up to date. What this process appends to it waits its turn among all processes of
 * this home, which write as one device. Throws `CliError` (not found) for an unknown share and for another member's.
 */
export const openShareOf = async (
  connection: MemberConnection,
  nameOrLog: string,
): Promise<Share> => {
  const share = await find(connection, nameOrLog)
  const { writing } = share
  return Object.assign(share, {
    writing: <T>(work: () => Promise<T>): Promise<T> =>
      writing(() => connection.home.withLock(`append-${share.log}`, work)),
  })
}
