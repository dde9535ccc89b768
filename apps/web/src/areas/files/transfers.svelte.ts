/** Uploads and downloads as the worker tells of them, newest first. */
import { onWorkerEvent } from '../../session/session.svelte.ts'
import type { Transfer } from '../../workers/account/api.ts'

const doneForMs = 8_000
const open: readonly Transfer['state'][] = ['running', 'waiting']

class Transfers {
  list = $state.raw<readonly Transfer[]>([])

  get running(): readonly Transfer[] {
    return this.list.filter(({ state }) => open.includes(state))
  }
  take(transfer: Transfer): void {
    const before = this.list.find(({ id }) => id === transfer.id)?.state
    if (transfer.direction === 'upload' && open.includes(transfer.state))
      this.#replaceCutOff(transfer)
    const noted = transfer.skipped.length > 0
    // What ended well and left nothing out says so for a moment; everything else stays until it was read.
    if (transfer.state === 'done' && before !== 'done' && !noted) {
      setTimeout(() => this.dismiss(transfer.id), doneForMs)
    }
    const known = this.list.some(({ id }) => id === transfer.id)
    this.list = known
      ? this.list.map((one) => (one.id === transfer.id ? transfer : one))
      : [transfer, ...this.list]
  }
  dismiss(id: string): void {
    this.list = this.list.filter((one) => one.id !== id)
  }
  /** The same items into the same folder go on with an upload that was cut off. */
  #replaceCutOff({ share, folder, title }: Transfer): void {
    const goesOn = (one: Transfer): boolean =>
      one.state === 'interrupted' &&
      one.share === share &&
      one.folder === folder &&
      one.title === title
    if (this.list.some(goesOn)) this.list = this.list.filter((one) => !goesOn(one))
  }
}

export const transfers = new Transfers()

// For as long as the page lives: what ends while another area is open is known when one comes back.
onWorkerEvent((event) => {
  if (event.type === 'transfer') transfers.take(event.transfer)
  else if (event.type === 'signed-out') transfers.list = []
})
