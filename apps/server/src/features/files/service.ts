import type { AnswerOf, getUsage } from '@hearthold/contract'
import type { OpenObject } from '#platform/objects/index.ts'
import { type BundleService, bundleService } from './bundles.ts'
import type { Asker } from './deps.ts'
import { readableObjects } from './object-access.ts'
import { type UploadService, uploadService } from './uploads.ts'
import { bandOf, type FilesParts, findUsage, otherBytesOf } from './usage.ts'

export type FilesService = {
  readonly uploads: UploadService
  readonly bundles: BundleService
  /** An object's bytes, to be read or closed. @throws ProblemError `not_found`, the same for what is another's */
  open(asker: Asker, object: string): Promise<OpenObject>
  usage(asker: Asker): Promise<AnswerOf<typeof getUsage>>
}

export const filesService = (deps: FilesParts): FilesService => ({
  uploads: uploadService(deps),
  bundles: bundleService(deps),
  open: async (asker, object) => {
    await readableObjects(deps, asker, [object])
    const open = deps.objects.open(object)
    if (!open) throw new Error('A stored object is not on the disk')
    return open
  },
  usage: async ({ account }) => {
    const { objectBytes, entryBytes } = await findUsage(deps.db, account)
    const quotaBytes = await deps.quotaBytes(deps.db, account)
    const usedBytes = objectBytes + entryBytes + otherBytesOf(deps, account)
    return { usedBytes, quotaBytes: quotaBytes ?? null, band: bandOf(usedBytes, quotaBytes) }
  },
})
