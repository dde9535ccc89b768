/** Who is signed in and unlocked here, and how one gets there. */
import {
  endSession,
  getSession,
  getSetUp,
  getUsage,
  ProblemError,
  type AnswerOf,
} from '@hearthold/contract'
import {
  createAccount,
  memoryHeads,
  provePasskeyAgain,
  provePasswordAgain,
  settle,
  signInWithPasskey,
  signInWithPassword,
  signInWithRecoveryKey,
  type SignUpPass,
  unlock,
} from '@hearthold/member'
import type { AccountStatus, IdentityApi, NewAccount, SignUpSteps, UnlockWay } from './api.ts'
import { isId } from './bytes.ts'
import { authenticatorOf } from './ceremonies.ts'
import { type Desk, dropKeys, isOffline } from './desk.ts'
import { deviceLabel } from './device-label.ts'
import { beginAccount, contextFor, enter, enterHere, type Proof, rememberMethod } from './enter.ts'
import { withLock } from './locks.ts'

type SessionAnswer = AnswerOf<typeof getSession>

const codeOf = (error: unknown): string | undefined =>
  error instanceof ProblemError ? error.code : undefined

const waysOf = ({ hasPassword, hasPasskey }: SessionAnswer): UnlockWay[] => [
  ...(hasPassword ? (['password'] as const) : []),
  ...(hasPasskey ? (['passkey'] as const) : []),
  'recovery',
]

const lockedStatus = (session: SessionAnswer): AccountStatus => ({
  at: 'locked',
  name: session.name,
  methods: waysOf(session),
})

const findSession = async (desk: Desk): Promise<SessionAnswer | undefined> => {
  try {
    return await desk.client.call(getSession)
  } catch (error) {
    if (!['unauthenticated', 'not_set_up'].includes(codeOf(error) ?? '')) throw error
    return undefined
  }
}

const passOf = (pass: NewAccount['pass']): SignUpPass => {
  if ('open' in pass) {
    throw new ProblemError('invitation_invalid', 'This server takes new members by invitation.')
  }
  return pass
}

/** Attempts after which the person begins anew; the server counts for itself. */
const codeAttempts = 10

const makeAccount = async (
  desk: Desk,
  { pass, name, displayName, way, staySignedIn, deviceLabel: given }: NewAccount,
  steps: SignUpSteps,
) => {
  const profile = await desk.profile()
  const label = given ?? deviceLabel(navigator)
  const heads = memoryHeads()
  const seed = await profile.deviceSeed()
  const created = await createAccount(
    { client: desk.client, heads },
    {
      pass: passOf(pass),
      name,
      ...(displayName === undefined ? {} : { displayName }),
      way:
        way.kind === 'password'
          ? {
              kind: 'password',
              password: way.password,
              keepTotp: (totp) => steps.keepTotp(totp),
              onWrongCode: () => steps.onWrongCode(),
            }
          : { kind: 'passkey', authenticator: authenticatorOf(steps), label: way.label ?? label },
      deviceLabel: label,
      ...(seed ? { deviceSeed: seed } : {}),
      deviceMethod: staySignedIn,
      keepRecoveryKey: (text) => steps.keepRecoveryKey(text),
      transport: 'cookie',
      staySignedIn,
    },
  )
  await profile.putDeviceSeed(created.device.seed)
  const { account, log, instanceKey } = created
  const { context, store } = await contextFor(desk, account)
  for (const [id, head] of heads.heads) await store.heads.put(id, head)
  await profile.putAccount({ account, log, instanceKey, name })
  if (staySignedIn) await rememberMethod(profile, account, created.unlockBy)
  const member = await unlock(context, created, created.unlockBy, created.device)
  await beginAccount(desk, { member, store, session: await desk.client.call(getSession) })
  return { backupCodes: created.backupCodes, waiting: false }
}

/** Identity of the API. Calls that change who is unlocked run one after the other. */
export const createIdentity = (desk: Desk): IdentityApi => {
  const { client } = desk
  const statusNow = async (): Promise<AccountStatus> => {
    if (desk.current) return { at: 'unlocked', me: desk.current.me }
    const session = await findSession(desk)
    if (!session) {
      const { needed } = await client.call(getSetUp)
      return { at: needed ? 'not-set-up' : 'signed-out' }
    }
    const me = await enterHere(desk, session)
    return me ? { at: 'unlocked', me } : lockedStatus(session)
  }
  const told = async (work: () => Promise<AccountStatus>): Promise<AccountStatus> => {
    const status = await work()
    desk.events.tell({ type: 'status', status })
    return status
  }
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work, work)
    turn = mine.catch(() => undefined)
    return mine
  }
  let turn: Promise<unknown> = Promise.resolve()
  const entered = (proof: Proof, options: Parameters<typeof enter>[2]) =>
    told(async () => ({ at: 'unlocked', me: await enter(desk, proof, options) }))
  const changing = <T>(work: () => Promise<T>): Promise<T> =>
    inTurn(() => withLock('identity', work))

  /** Where this browser unlocked by itself before, it goes on to do so. */
  const staysSignedIn = async (): Promise<boolean> => {
    const { session } = await client.call(getSession)
    return session.staySignedIn
  }

  return {
    status: () => inTurn(() => told(statusNow)),
    createAccount: (account, steps) =>
      changing(async () => {
        const made = await makeAccount(desk, account, steps)
        await told(statusNow)
        return made
      }),
    signInByPassword: ({ name, password, staySignedIn }, askCode) =>
      changing(async () => {
        for (let attempt = 1; ; attempt++) {
          try {
            const proof = await signInWithPassword((await contextFor(desk)).context, {
              name,
              password,
              secondFactor: () => askCode(attempt),
              transport: 'cookie',
              staySignedIn,
            })
            return await entered(proof, { staySignedIn })
          } catch (error) {
            if (codeOf(error) !== 'second_factor_wrong' || attempt >= codeAttempts) throw error
          }
        }
      }),
    signInByPasskey: ({ staySignedIn }, ceremonies) =>
      changing(async () => {
        const proof = await signInWithPasskey((await contextFor(desk)).context, {
          authenticator: authenticatorOf(ceremonies),
          transport: 'cookie',
          staySignedIn,
        })
        const { unlockBy } = proof
        if (unlockBy) return entered({ ...proof, unlockBy }, { staySignedIn })
        return told(statusNow)
      }),
    signInByRecoveryKey: ({ recoveryKey, staySignedIn }, keepNew) =>
      changing(async () => {
        const proof = await signInWithRecoveryKey((await contextFor(desk)).context, {
          recoveryKey,
          transport: 'cookie',
          staySignedIn,
        })
        return entered(proof, { staySignedIn, keepNew })
      }),
    unlockByPassword: (password) =>
      changing(async () => {
        const proof = await provePasswordAgain((await contextFor(desk)).context, password)
        return entered(proof, { staySignedIn: await staysSignedIn() })
      }),
    unlockByPasskey: (ceremonies) =>
      changing(async () => {
        const { context } = await contextFor(desk)
        const proof = await provePasskeyAgain(context, authenticatorOf(ceremonies))
        const { unlockBy } = proof
        if (!unlockBy) return told(statusNow)
        return entered({ ...proof, unlockBy }, { staySignedIn: await staysSignedIn() })
      }),
    unlockByRecoveryKey: (recoveryKey, keepNew) =>
      changing(async () => {
        const staySignedIn = await staysSignedIn()
        const proof = await signInWithRecoveryKey((await contextFor(desk)).context, {
          recoveryKey,
          transport: 'cookie',
          staySignedIn,
        })
        return entered(proof, { staySignedIn, keepNew })
      }),
    signOut: () => changing(() => signOut(desk)),
    proveByPassword: async (password) => {
      await provePasswordAgain(desk.unlocked().member.context, password)
    },
    proveByPasskey: async (ceremonies) => {
      await provePasskeyAgain(desk.unlocked().member.context, authenticatorOf(ceremonies))
    },
    usage: async () => {
      const { usedBytes, quotaBytes } = await client.call(getUsage)
      return { usedBytes, quotaBytes }
    },
  }
}

const settleMs = 3_000

/** The keys go first: they go also where the server cannot be reached, and its session then ends by itself. */
const signOut = async (desk: Desk): Promise<void> => {
  const account = desk.current?.account ?? (await accountOfSession(desk))
  // Checkpoints and known heads that were put off: other devices start faster with them.
  if (desk.current) await settle(desk.current.member, settleMs)
  dropKeys(desk)
  const profile = await desk.profile()
  if (account !== undefined) {
    await profile.removeMethodSecret(account)
    desk.tabs.tell({ news: 'signed-out', account })
  }
  await profile.clearAnswers()
  try {
    await desk.client.call(endSession)
  } catch (error) {
    if (codeOf(error) !== 'unauthenticated' && !isOffline(error)) throw error
  }
  desk.events.tell({ type: 'status', status: { at: 'signed-out' } })
}

const accountOfSession = async (desk: Desk): Promise<string | undefined> => {
  const session = await findSession(desk).catch(() => undefined)
  return isId(session?.account) ? session.account : undefined
}
