import { lp, open, seal } from '@hearthold/crypto'
import type { IdentityDeps, On } from './deps.ts'
import { createOpaqueServer, type OpaqueServer } from './opaque.ts'
import type { Step } from './step-store.ts'

/** What the verbs of this feature share. */
export type IdentityParts = IdentityDeps & {
  readonly opaque: OpaqueServer
  /**
   * Login states lie in the database for a minute, and whoever reads one could finish that sign-in: so they lie
   * there sealed, under a key from outside the database, bound to step and account.
   */
  readonly sealState: (step: Pick<Step, 'id' | 'account'>, state: Uint8Array) => Promise<Uint8Array>
  readonly openState: (step: Pick<Step, 'id' | 'account' | 'state'>) => Promise<Uint8Array>
  readonly sealName: (on: On, account: string, name: string) => Promise<Uint8Array>
  readonly openName: (on: On, account: string, sealed: Uint8Array) => Promise<string>
}

const namePlace = (account: string) => ({ account, purpose: 'sign-in-name', subject: account })
export const totpPlace = (account: string) => ({ account, purpose: 'totp', subject: account })

export const createParts = async (deps: IdentityDeps): Promise<IdentityParts> => {
  const { keys } = deps
  const stateKey = keys.deriveKey('sign-in-state')
  const aadOf = (step: Pick<Step, 'id' | 'account'>) =>
    lp('hearthold/v1/sign-in-state', step.id, step.account)
  return {
    ...deps,
    opaque: await createOpaqueServer(keys.secrets.opaqueSetups),
    sealState: (step, state) => seal(stateKey, state, aadOf(step)),
    openState: (step) => open(stateKey, step.state, aadOf(step)),
    sealName: (on, account, name) =>
      keys.service.seal(on, namePlace(account), new TextEncoder().encode(name)),
    openName: async (on, account, sealed) =>
      new TextDecoder().decode(await keys.service.open(on, namePlace(account), sealed)),
  }
}
