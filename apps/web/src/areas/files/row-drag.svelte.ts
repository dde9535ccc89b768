/** Rows that are dragged onto a folder, to move them there: the pointer's way to what "Move to …" does for everyone. */

/** Tells drags of rows from drags of files; carries nothing that another page could read. */
const dragType = 'application/x-hearthold-items'

export class RowDrag {
  /** What is being dragged. */
  ids = $state.raw<ReadonlySet<string>>(new Set())
  /** The folder that it would fall into now. */
  over = $state<string>()

  start(transfer: DataTransfer, ids: Iterable<string>): void {
    transfer.setData(dragType, '')
    transfer.effectAllowed = 'move'
    this.ids = new Set(ids)
  }
  /** True where it may fall into `folder`, which is then the target. */
  hover(transfer: DataTransfer | null, folder: string | undefined): boolean {
    const may =
      folder !== undefined &&
      this.ids.size > 0 &&
      !this.ids.has(folder) &&
      (transfer?.types.includes(dragType) ?? false)
    this.over = may ? folder : undefined
    if (may && transfer) transfer.dropEffect = 'move'
    return may
  }
  /** Ends the drag and gives what was dragged. */
  end(): readonly string[] {
    const dragged = [...this.ids]
    this.ids = new Set()
    this.over = undefined
    return dragged
  }
}
