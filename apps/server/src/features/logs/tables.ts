/** What members keep beside their logs: the newest checkpoint of each, and registers. Ids are hex text. */
export type LogFeatureTables = {
  log_checkpoints: {
    log: string
    seq: number
    tree: string
    keys: string
    header: Uint8Array
    signature: Uint8Array
  }
  registers: {
    /** Account id. */
    owner: string
    name: string
    version: number
    device: string
    sealed_value: Uint8Array
    signature: Uint8Array
    /** Milliseconds since 1970. */
    updated_at: number
  }
}
