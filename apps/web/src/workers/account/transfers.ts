/** Transfers of the API. */
import { transfer } from 'comlink'
import type { TransfersApi } from './api.ts'
import type { Desk } from './desk.ts'
import { createDownloads } from './downloads.ts'
import { createUploads } from './uploads.ts'

export const createTransfers = (desk: Desk): TransfersApi => {
  const uploads = createUploads(desk)
  const downloads = createDownloads(desk)
  return {
    beginUpload: async (share, folder, title) => uploads.begin(share, folder, title),
    addItems: async (id, items) => uploads.add(id, items),
    endItems: (id) => uploads.end(id),
    cancel: async (id) => void (uploads.cancel(id) || downloads.cancel(id)),
    interrupted: () => uploads.interrupted(),
    forgetInterrupted: (id) => uploads.forget(id),
    download: async (share, nodes, version) => {
      const opened = await downloads.download(share, nodes, version)
      return transfer(opened, [opened.port])
    },
    openMedia: async (share, node, version) => {
      const opened = await downloads.openMedia(share, node, version)
      return transfer(opened, [opened.port])
    },
    readRange: async (share, node, start, end, version) => {
      const bytes = await downloads.readRange(share, node, start, end, version)
      return transfer(bytes, [bytes])
    },
  }
}
