/** Making an account, step by step: what the page shows while the worker makes it. */
import { proxy } from 'comlink'
import { type Words, wordsOf } from '../../session/problem-words.ts'
import { codeOf } from '../../session/error-code.ts'
import { type CeremonyFailure, passkeyCeremonies } from '../../session/passkey.ts'
import { account } from '../../session/session.svelte.ts'
import type { NewAccount } from '../../workers/account/api.ts'

export type Step =
  | { readonly at: 'who' }
  | { readonly at: 'way' }
  | { readonly at: 'working'; readonly passkey: boolean }
  | { readonly at: 'recovery'; readonly key: string }
  | { readonly at: 'totp'; readonly secret: string; readonly uri: string; readonly wrong: boolean }
  | { readonly at: 'codes'; readonly codes: readonly string[]; readonly waiting: boolean }
  | { readonly at: 'waiting' }
  | { readonly at: 'done' }

/** The person went back while the account was being made; nothing of it is left. */
class GivenUp extends Error {
  constructor() {
    super('The person gave up.')
    this.name = 'AbortError'
  }
}

type Pending = { resolve: (value: string) => void; reject: (error: Error) => void }

/** Codes that mean the link itself is no good: the flow cannot go on. */
const deadLinks = new Set([
  'set_up_token_wrong',
  'set_up_done',
  'invitation_invalid',
  'registration_closed',
  'registration_full',
])

export class Making {
  step = $state.raw<Step>({ at: 'who' })
  /** What is shown above the form after a failure. */
  problem = $state.raw<Words>()
  /** Where the browser refused a passkey. */
  ceremony = $state<CeremonyFailure>()
  /** Set where the link cannot be used any more. */
  dead = $state<string>()
  kind = $state<'passkey' | 'password'>()

  #pending: Pending | undefined

  /** Whether leaving now loses something that was shown and not yet counts. */
  get underWay(): boolean {
    return ['working', 'recovery', 'totp'].includes(this.step.at)
  }

  /** Makes the account; ends at `codes`, `waiting`, `done`, or back at an earlier step with words. */
  async make(wanted: NewAccount): Promise<void> {
    this.problem = undefined
    this.ceremony = undefined
    this.kind = wanted.way.kind
    const ceremonies = passkeyCeremonies()
    this.step = { at: 'working', passkey: wanted.way.kind === 'passkey' }
    try {
      const { identity } = await account()
      const made = await identity.createAccount(
        wanted,
        proxy({
          keepRecoveryKey: async (key: string) => {
            await this.#ask({ at: 'recovery', key })
          },
          keepTotp: (totp: { secret: string; uri: string }) =>
            this.#ask({ at: 'totp', ...totp, wrong: false }),
          onWrongCode: () => this.#askAgain(),
          makePasskey: ceremonies.makePasskey,
          getAssertion: ceremonies.getAssertion,
        }),
      )
      const { backupCodes: codes, waiting } = made
      if (codes.length > 0) this.step = { at: 'codes', codes, waiting }
      else this.#finish(waiting)
    } catch (error) {
      this.#fail(error, ceremonies.failure())
    }
  }

  /** The person has done what the step asks. */
  answer(value = ''): void {
    const pending = this.#pending
    this.#pending = undefined
    this.step = { at: 'working', passkey: false }
    pending?.resolve(value)
  }

  /** The backup codes are kept: in, or waiting for a host. */
  codesKept(): void {
    if (this.step.at === 'codes') this.#finish(this.step.waiting)
  }

  #finish(waiting: boolean): void {
    this.step = { at: waiting ? 'waiting' : 'done' }
  }

  /** Drops what is being made and goes back to choosing. */
  giveUp(): void {
    const pending = this.#pending
    this.#pending = undefined
    this.#lastTotp = undefined
    pending?.reject(new GivenUp())
    this.step = { at: 'way' }
  }

  #lastTotp: { secret: string; uri: string } | undefined

  #ask(step: Extract<Step, { at: 'recovery' | 'totp' }>): Promise<string> {
    if (step.at === 'totp') this.#lastTotp = { secret: step.secret, uri: step.uri }
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject }
      this.step = step
    })
  }

  #askAgain(): Promise<string> {
    const totp = this.#lastTotp
    if (!totp) return Promise.reject(new GivenUp())
    return this.#ask({ at: 'totp', ...totp, wrong: true })
  }

  #fail(error: unknown, ceremony: CeremonyFailure | undefined): void {
    this.#pending = undefined
    const code = codeOf(error)
    if (code !== undefined && deadLinks.has(code)) {
      this.dead = code
      return
    }
    this.step = { at: code === 'name_taken' ? 'who' : 'way' }
    if ((error as { name?: unknown }).name === 'AbortError') return
    if (ceremony !== undefined && code?.startsWith('passkey_prf') !== true) {
      if (ceremony !== 'no-prf') return void (this.ceremony = ceremony)
    }
    if (code === 'passkey_prf_absent') this.ceremony = 'no-prf'
    else this.problem = wordsOf(error)
  }
}
