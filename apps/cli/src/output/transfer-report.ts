import { exitCodes } from '../cli-error.ts'
import type { Outcome } from '../commands/verb.ts'
import type { Terminal } from '../terminal.ts'
import { writeTo } from '../terminal.ts'
import { formatBytes, printable } from './text.ts'

export type ItemReason = {
  readonly path: string
  readonly reason: string
  readonly code?: string | undefined
}

export type Transferred = {
  readonly files: number
  readonly folders: number
  readonly links: number
  readonly bytes: number
  /** Left alone since they are the same already. */
  readonly skipped: number
  readonly failed: readonly ItemReason[]
}

const counted = (count: number, one: string, many: string): string =>
  `${count.toLocaleString('en-GB')} ${count === 1 ? one : many}`

/** What was done, in one sentence: `Put 214 files (1.2 GiB), 12 folders into Photos:/2026.` */
export const transferSentence = (verb: string, done: Transferred, where: string): string => {
  const parts = [
    `${counted(done.files, 'file', 'files')} (${formatBytes(done.bytes)})`,
    ...(done.folders > 0 ? [counted(done.folders, 'folder', 'folders')] : []),
    ...(done.links > 0 ? [counted(done.links, 'link', 'links')] : []),
  ]
  const same = done.skipped > 0 ? ` ${done.skipped} unchanged.` : ''
  return `${verb} ${parts.join(', ')} ${where}.${same}\n`
}

const shownLimit = 1000

/** Lists items on standard error, which is where the rest of the report's failures are looked for. */
export const listItems = async (
  terminal: Terminal,
  title: string,
  items: readonly ItemReason[],
): Promise<void> => {
  if (items.length === 0) return
  const lines = items
    .slice(0, shownLimit)
    .map(({ path, reason }) => `  ${printable(path)}: ${printable(reason)}`)
  const more = items.length > shownLimit ? [`  and ${items.length - shownLimit} more`] : []
  await writeTo(terminal.stderr, `${[title, ...lines, ...more].join('\n')}\n`)
}

/** The outcome of a put or get: exit 1 where anything failed, while the rest is done. */
export const transferOutcome = (
  done: Transferred,
  text: string,
  more: { readonly notKept?: readonly ItemReason[] } = {},
): Outcome => {
  const { files, folders, links, bytes, skipped, failed } = done
  return {
    data: {
      files,
      folders,
      links,
      bytes,
      skipped,
      failed: failed.map(({ path, reason, code }) => ({ path, reason, code })),
      ...(more.notKept
        ? { notKept: more.notKept.map(({ path, reason }) => ({ path, reason })) }
        : {}),
    },
    text,
    ...(failed.length > 0 ? { exitCode: exitCodes.failure } : {}),
  }
}
