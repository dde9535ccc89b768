/** Feeds the items of a drop to the worker, in portions, so that ten thousand files do not travel in one message. */
import type { TransfersApi, UploadItem } from '../../workers/account/api.ts'
import { titleOf } from './dropped.ts'

const portion = 200

type Feed = Pick<TransfersApi, 'beginUpload' | 'addItems' | 'endItems'>

/** Resolves to the id of the transfer once all items were handed over; undefined where there were none. */
export const sendUpload = async (
  transfers: { [K in keyof Feed]: (...args: Parameters<Feed[K]>) => Promise<unknown> },
  place: { readonly share: string; readonly folder: string },
  items: AsyncIterable<UploadItem>,
): Promise<string | undefined> => {
  let transfer: string | undefined
  let waiting: UploadItem[] = []
  const flush = async (): Promise<void> => {
    if (transfer === undefined || waiting.length === 0) return
    const batch = waiting
    waiting = []
    await transfers.addItems(transfer, batch)
  }
  for await (const item of items) {
    transfer ??= (await transfers.beginUpload(place.share, place.folder, titleOf(item))) as string
    waiting.push(item)
    if (waiting.length >= portion) await flush()
  }
  await flush()
  if (transfer !== undefined) await transfers.endItems(transfer)
  return transfer
}
