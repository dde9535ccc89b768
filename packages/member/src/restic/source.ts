/** The object types that a reader asks for. */
export type ResticType = 'config' | 'keys' | 'index' | 'snapshots' | 'locks' | 'data'

/**
 * Where a repository's sealed bytes come from: this server's API, or any restic REST server. Whatever it answers is
 * checked: every object against its name or its MAC.
 */
export type ResticSource = {
  /** Names (64 lowercase hex digits) and sizes. */
  list(
    type: 'keys' | 'index' | 'snapshots' | 'locks',
    signal?: AbortSignal,
  ): Promise<readonly { readonly id: string; readonly sizeBytes: number }[]>
  /** Whole, or exactly `length` bytes from `offset`; `id` is empty for `config`. @throws where it cannot answer exactly that */
  read(
    type: ResticType,
    id: string,
    range?: { readonly offset: number; readonly length: number },
    signal?: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>>
}
