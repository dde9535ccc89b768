/** The state of an open folder: its rows, what is chosen, and which dialog or panel is open. */
import { account } from '../../session/session.svelte.ts'
import type { Row } from '../../workers/account/api.ts'
import { Listing } from './listing.svelte.ts'
import { RowDrag } from './row-drag.svelte.ts'
import { Selection } from '../../items/selection.svelte.ts'

export type FolderDialog = 'new-folder' | 'rename' | 'move' | 'copy' | 'preview'

export class OpenFolder {
  readonly listing = new Listing(async (...asked) => (await account()).shares.folder(...asked))
  readonly selection = new Selection()
  readonly drag = new RowDrag()
  dialog = $state<FolderDialog>()
  /** The row that a dialog or the panel is about. */
  subject = $state.raw<Row>()
  panel = $state(false)
  tab = $state<'readers' | 'versions'>('readers')

  /** The chosen rows, in the order of the list. */
  chosen = $derived.by(() => this.listing.rows.filter(({ id }) => this.selection.ids.has(id)))

  get share(): string {
    return this.listing.share
  }
  /** Id of the folder on screen; the root's until it is known. */
  get here(): string {
    return this.listing.crumbs.at(-1)?.id ?? this.listing.folder ?? ''
  }
  get name(): string {
    return this.listing.crumbs.at(-1)?.name ?? ''
  }
  get shareName(): string {
    return this.listing.crumbs[0]?.name ?? ''
  }

  show(share: string, folder: string | null): void {
    if (share === this.listing.share && folder === this.listing.folder) return
    this.selection.clear()
    this.subject = undefined
    this.dialog = undefined
    this.listing.open(share, folder)
  }

  ask(dialog: FolderDialog, row?: Row): void {
    this.subject = row
    this.dialog = dialog
  }
  /** Opens the right panel on a row, or on the share as a whole. */
  inspect(row: Row | undefined, tab: 'readers' | 'versions' = 'readers'): void {
    this.subject = row
    this.tab = tab
    this.panel = true
  }
}
