/** Who is signed in and unlocked here, and how one gets there. */
import {
  endSession,
  getSession,
  getSetUp,
  getUsage,
  ProblemError,
  type AnswerOf,
} from '@hearthold/contract'
import { NetworkError } from '@hearthold/client'
import {
  createAccount,
  memoryHeads,
  provePasskeyAgain,
  provePasswordAgain,
  settle,
  signInWithPasskey,
  signInWithPassword,
  signInWithRecoveryKey,
  unlock,
} from '@hearthold/member'
import type {
  AccountStatus,
  IdentityApi,
  MadeAccount,
  NewAccount,
  SignUpSteps,
  UnlockWay,
} from './api.ts'
import { isId } from './bytes.ts'
import { authenticatorOf } from './ceremonies.ts'
import { type Desk, dropKeys, isOffline } from './desk.ts'
import { deviceLabel } from './device-label.ts'
import {
  beginAccount,
  contextFor,
  enter,
  type EnterOptions,
  enterHere,
  keptAnswers,
  type Proof,
  rememberMethod,
} from './enter.ts'
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

/** Attempts after which the person begins anew; the server counts for itself. */
const codeAttempts = 10

const makeAccount = async (
  desk: Desk,
  { pass, name, displayName, way, staySignedIn, deviceLabel: given }: NewAccount,
  steps: SignUpSteps,
): Promise<MadeAccount> => {
  const profile = await desk.profile()
  const label = given ?? deviceLabel(navigator)
  const heads = memoryHeads()
  const seed = await profile.deviceSeed()
  const created = await createAccount(
    { client: desk.client, heads },
    {
      pass,
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
  const { backupCodes, waitsUntil } = created
  if (waitsUntil !== undefined) {
    store.close()
    return { backupCodes, waiting: true, waitsUntil }
  }
  if (staySignedIn) await rememberMethod(profile, account, created.unlockBy)
  const departures = desk.departures(account)
  const member = await unlock(context, created, created.unlockBy, created.device)
  const session = await desk.client.call(getSession)
  await beginAccount(desk, { member, store, session, departures })
  return { backupCodes, waiting: false }
}

/** Runs one after the other within this tab, and where keys or methods change also over all tabs. */
const createTurns = () => {
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work, work)
    turn = mine.catch(() => undefined)
    return mine
  }
  return {
    inTurn,
    changing: <T>(work: () => Promise<T>): Promise<T> => inTurn(() => withLock('identity', work)),
  }
}

const statusOf = async (desk: Desk): Promise<AccountStatus> => {
  if (desk.current) return { at: 'unlocked', me: desk.current.me }
  await keptAnswers(desk)
  if (!desk.network.online) await desk.network.probe()
  const session = await findSession(desk)
  if (session && !desk.network.online && session.session.expiresAt <= Date.now()) {
    throw new NetworkError('dropped', 'The session has ended, and the server cannot be reached.')
  }
  if (!session) {
    // Ended while no tab was open: what would unlock by itself goes now.
    await (await desk.profile()).forgetSession()
    const { needed } = await desk.client.call(getSetUp)
    return { at: needed ? 'not-set-up' : 'signed-out' }
  }
  const me = await enterHere(desk, session)
  return me ? { at: 'unlocked', me } : lockedStatus(session)
}

const told = (desk: Desk, status: AccountStatus): AccountStatus => {
  desk.events.tell({ type: 'status', status })
  return status
}

const entered = async (desk: Desk, proof: Proof, options: EnterOptions): Promise<AccountStatus> =>
  told(desk, { at: 'unlocked', me: await enter(desk, proof, options) })

/** Where this browser unlocked by itself before, it goes on to do so. */
const staysSignedIn = async ({ client }: Desk): Promise<boolean> => {
  const { session } = await client.call(getSession)
  return session.staySignedIn
}

type SignIns = Pick<IdentityApi, 'signInByPassword' | 'signInByPasskey' | 'signInByRecoveryKey'>

const createSignIns = (desk: Desk): SignIns => ({
  signInByPassword: async ({ name, password, staySignedIn }, askCode) => {
    const { context } = await contextFor(desk)
    for (let attempt = 1; ; attempt++) {
      try {
        const secondFactor = () => askCode(attempt)
        const who = { name, password, secondFactor, transport: 'cookie', staySignedIn } as const
        return await entered(desk, await signInWithPassword(context, who), { staySignedIn })
      } catch (error) {
        if (codeOf(error) !== 'second_factor_wrong' || attempt >= codeAttempts) throw error
      }
    }
  },
  signInByPasskey: async ({ staySignedIn }, ceremonies) => {
    const { context } = await contextFor(desk)
    const authenticator = authenticatorOf(ceremonies)
    const who = { authenticator, transport: 'cookie', staySignedIn } as const
    const proof = await signInWithPasskey(context, who)
    const { unlockBy } = proof
    if (unlockBy) return entered(desk, { ...proof, unlockBy }, { staySignedIn })
    return told(desk, await statusOf(desk))
  },
  signInByRecoveryKey: async ({ recoveryKey, staySignedIn }, keepNew) => {
    const { context } = await contextFor(desk)
    const who = { recoveryKey, transport: 'cookie', staySignedIn } as const
    return entered(desk, await signInWithRecoveryKey(context, who), { staySignedIn, keepNew })
  },
})

type Unlocks = Pick<IdentityApi, 'unlockByPassword' | 'unlockByPasskey' | 'unlockByRecoveryKey'>

const createUnlocks = (desk: Desk, signIns: SignIns): Unlocks => ({
  unlockByPassword: async (password) => {
    const { context } = await contextFor(desk)
    const proof = await provePasswordAgain(context, password)
    return entered(desk, proof, { staySignedIn: await staysSignedIn(desk) })
  },
  unlockByPasskey: async (ceremonies) => {
    const { context } = await contextFor(desk)
    const proof = await provePasskeyAgain(context, authenticatorOf(ceremonies))
    const { unlockBy } = proof
    if (!unlockBy) return told(desk, await statusOf(desk))
    return entered(desk, { ...proof, unlockBy }, { staySignedIn: await staysSignedIn(desk) })
  },
  unlockByRecoveryKey: async (recoveryKey, keepNew) => {
    const staySignedIn = await staysSignedIn(desk)
    return signIns.signInByRecoveryKey({ recoveryKey, staySignedIn }, keepNew)
  },
})

/** Identity of the API. */
export const createIdentity = (desk: Desk): IdentityApi => {
  const { inTurn, changing } = createTurns()
  const signIns = createSignIns(desk)
  const unlocks = createUnlocks(desk, signIns)
  const context = () => desk.unlocked().member.context
  return {
    status: () => inTurn(async () => told(desk, await statusOf(desk))),
    createAccount: (account, steps) =>
      changing(async () => {
        const made = await makeAccount(desk, account, steps)
        told(desk, await statusOf(desk))
        return made
      }),
    signInByPassword: (...given) => changing(() => signIns.signInByPassword(...given)),
    signInByPasskey: (...given) => changing(() => signIns.signInByPasskey(...given)),
    signInByRecoveryKey: (...given) => changing(() => signIns.signInByRecoveryKey(...given)),
    unlockByPassword: (...given) => changing(() => unlocks.unlockByPassword(...given)),
    unlockByPasskey: (...given) => changing(() => unlocks.unlockByPasskey(...given)),
    unlockByRecoveryKey: (...given) => changing(() => unlocks.unlockByRecoveryKey(...given)),
    // Waits for nobody: another act, here or in another tab, may be waiting for a person.
    signOut: () => signOut(desk),
    proveByPassword: async (password) => void (await provePasswordAgain(context(), password)),
    proveByPasskey: async (ceremonies) =>
      void (await provePasskeyAgain(context(), authenticatorOf(ceremonies))),
    usage: async () => {
      const { usedBytes, quotaBytes } = await desk.client.call(getUsage)
      return { usedBytes, quotaBytes }
    },
  }
}

const settleMs = 3_000

/** The keys go first: they go also where the server cannot be reached, and its session then ends by itself. */
const signOut = async (desk: Desk): Promise<void> => {
  const { current } = desk
  const account = current?.account ?? (await accountOfSession(desk))
  if (account !== undefined) {
    desk.depart(account)
    desk.tabs.tell({ news: 'signed-out', account })
  }
  const profile = await desk.profile()
  await profile.forgetSession()
  // Checkpoints and known heads that were put off: other devices start faster with them.
  if (current && desk.network.online) await settle(current.member, settleMs).catch(() => undefined)
  if (desk.current === current) dropKeys(desk)
  desk.network.forget()
  try {
    await desk.client.call(endSession)
  } catch (error) {
    if (codeOf(error) !== 'unauthenticated' && !isOffline(error)) throw error
  }
  // What came in since.
  await profile.forgetSession()
  desk.events.tell({ type: 'status', status: { at: 'signed-out' } })
}

const accountOfSession = async (desk: Desk): Promise<string | undefined> => {
  const session = await findSession(desk).catch(() => undefined)
  return isId(session?.account) ? session.account : undefined
}
