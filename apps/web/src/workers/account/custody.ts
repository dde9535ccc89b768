/** Who can read a share, from logs that were verified here and not from the server's word. */
import { listDevices, type Share } from '@hearthold/member'
import { subtree } from '@hearthold/model'
import { ProblemError } from '@hearthold/contract'
import type { Custody, VersionRow } from './api.ts'
import type { Current } from './desk.ts'

/** Stored (sealed) bytes of a node and all below it, or of the whole share; one object counts once. */
const storedBytes = ({ view }: Share, node: string | null): number => {
  const ids = node === null ? [...view.nodes.keys()] : subtree(view, node)
  const objects = new Map<string, number>()
  for (const id of ids) {
    for (const { object, sizeBytes } of view.nodes.get(id)?.versions ?? []) {
      objects.set(object, sizeBytes)
    }
  }
  let sum = 0
  for (const size of objects.values()) sum += size
  return sum
}

/**
 * A private share is read by its founder's account alone, on the devices that the account's own log certifies. The
 * server holds the sealed bytes and no key: it is no reader of any share yet.
 */
export const custodyOf = async (
  { member, me }: Current,
  share: Share,
  node: string | null,
): Promise<Custody> => {
  if (node !== null && node !== share.view.root && !share.view.nodes.has(node)) {
    throw new ProblemError('not_found', 'The item is not there any more.')
  }
  const devices = (await listDevices(member)).filter(({ retired }) => retired === undefined)
  const since = devices.reduce((first, { enrolledAt }) => Math.min(first, enrolledAt), Infinity)
  return {
    held: 'member-held',
    people: [
      {
        name: me.displayName,
        you: true,
        since: Number.isFinite(since) ? since : 0,
        devices: devices.map(({ label, enrolledAt, current }) => ({
          label,
          since: enrolledAt,
          current,
        })),
      },
    ],
    server: {
      reads: false,
      storedBytes: storedBytes(share, node === share.view.root ? null : node),
    },
  }
}

/** A file's versions, newest first. The log's view and its checkpoints name no device of a version: none is shown. */
export const versionsOf = (share: Share, id: string): VersionRow[] => {
  const node = share.view.nodes.get(id)
  if (!node) throw new ProblemError('not_found', 'The file is not there any more.')
  if (node.kind !== 'file') throw new ProblemError('bad_request', 'Only files have versions.')
  return node.versions
    .map(({ seq, at, content }, i) => ({
      seq,
      sizeBytes: content?.sizeBytes ?? 0,
      at,
      device: '',
      newest: i === node.versions.length - 1,
    }))
    .reverse()
}
