/** Uploads and downloads as the worker tells of them, newest first. */
import type { Transfer } from '../../workers/account/api.ts'

const doneForMs = 8_000
const ended: readonly Transfer['state'][] = ['done', 'cancelled', 'failed']

class Transfers {
  list = $state.raw<readonly Transfer[]>([])

  get running(): readonly Transfer[] {
    return this.list.filter(({ state }) => state === 'running' || state === 'waiting')
  }
  /** True while leaving the page would cut something off. */
  get busy(): boolean {
    return this.running.length > 0
  }
  take(transfer: Transfer): void {
    const before = this.list.find(({ id }) => id === transfer.id)?.state
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
  dismissEnded(): void {
    this.list = this.list.filter(({ state }) => !ended.includes(state))
  }
}

export const transfers = new Transfers()
