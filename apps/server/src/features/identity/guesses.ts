import { ProblemError } from '@hearthold/contract'
import { placesFor, runText } from '#platform/db/index.ts'
import { addressKey } from '#platform/http/client-address.ts'
import type { On, Trx } from './deps.ts'

/** ID-12: counted apart, so that whoever guesses at one method does not lock out another. */
export type GuessKind = 'password' | 'totp' | 'recovery'

/** Something that guesses are counted on, and how many it may have in the window. */
export type Counted = { readonly subject: string; readonly limit: number }

export const guessWindowMs = 15 * 60_000
const perAccount = 5
const perAddress = 20

/** Guesses at one method of an account, real or not. */
export const onAccount = (account: string, kind: GuessKind): Counted => ({
  subject: `account/${account}/${kind}`,
  limit: perAccount,
})

/**
 * Guesses at the key of one device. A stranger learns an account's id from its name, but never which devices it has:
 * counted on all of them together, five wrong answers for a made-up one would lock out the real ones.
 */
export const onDevice = (account: string, method: string): Counted => ({
  subject: `account/${account}/device/${method}`,
  limit: perAccount,
})

/** Guesses at one passkey: a broken one locks out no other. */
export const onPasskey = (account: string, passkey: string): Counted => ({
  subject: `account/${account}/passkey/${passkey}`,
  limit: perAccount,
})

/** Guesses at passkeys from one address, apart from those at passwords, which would lock passkeys out otherwise. */
export const onPasskeyAddress = (address: string): Counted => ({
  subject: `address/${addressKey(address)}/passkey`,
  limit: perAddress,
})

/** Guesses of any kind but at passkeys from one address (of version 6: from one /64). */
export const onAddress = (address: string): Counted => ({
  subject: `address/${addressKey(address)}`,
  limit: perAddress,
})

/** How often something may be done in a time, right or wrong. */
export type Turns = Counted & { readonly windowMs: number }

const hourMs = 3600_000
/** No count has a longer window: older ones are swept. */
const longestWindowMs = hourMs

/** Sign-ups without an invitation, begun and finished, by address: as for resets and links, three an hour. */
export const onOpenSignUp = (address: string, half: 'begun' | 'finished'): Turns => ({
  subject: `sign-up-${half}/${addressKey(address)}`,
  limit: half === 'begun' ? 10 : 3,
  windowMs: hourMs,
})

const secondsLeft = (since: number, windowMs: number, now: number): number =>
  Math.max(1, Math.ceil((since + windowMs - now) / 1000))

const lockedOut = (since: number, now: number): ProblemError =>
  new ProblemError('locked_out', 'Too many failed attempts. Wait, or use another sign-in method.', {
    retryAfterSeconds: secondsLeft(since, guessWindowMs, now),
  })

/**
 * Counts one guess on each subject, before it is known whether it is right: whoever proves right gives it back by
 * `returnGuess`. A window begins with the first guess and lasts 15 minutes. It is kept in the database, so that a
 * restart forgets nothing.
 * @throws ProblemError `locked_out` with the seconds to wait; roll the transaction back then
 */
export const takeGuess = async (trx: Trx, now: number, ...all: Counted[]): Promise<void> => {
  const rows = await count(trx, now, guessWindowMs, all)
  for (const { subject, limit } of all) {
    const row = rows.find((candidate) => candidate.subject === subject)
    if (row && row.count > limit) throw lockedOut(row.since, now)
  }
}

/**
 * Counts one turn.
 * @throws ProblemError `rate_limited` with the seconds to wait; roll the transaction back then
 */
export const takeTurn = async (trx: Trx, now: number, turns: Turns): Promise<void> => {
  const { limit, windowMs } = turns
  const [row] = await count(trx, now, windowMs, [turns])
  if (!row || row.count <= limit) return
  throw new ProblemError('rate_limited', 'Too many sign-ups from this address. Try again later.', {
    retryAfterSeconds: secondsLeft(row.since, windowMs, now),
  })
}

type GuessRow = { subject: string; count: number; since: number }

/** A window from the future was begun before the clock was set back: nobody waits for that day to come. */
const countTextFor = (subjects: number): string => `insert into guesses (subject, count, since)
  values ${Array.from({ length: subjects }, () => '(?, 1, ?)').join(', ')}
  on conflict (subject) do update set
    count = case when since > excluded.since - ? and since <= excluded.since then count + 1 else 1 end,
    since = case when since > excluded.since - ? and since <= excluded.since then since else excluded.since end
  returning subject, count, since`

/** One more on each subject, in a window that begins anew where the last is over. */
const count = (trx: Trx, now: number, windowMs: number, all: readonly Counted[]) =>
  runText<GuessRow>(trx, countTextFor(all.length), [
    ...all.flatMap(({ subject }) => [subject, now]),
    windowMs,
    windowMs,
  ])

/** Gives back a guess that turned out right. */
export const returnGuess = async (trx: Trx, ...all: Counted[]): Promise<void> => {
  const subjects = all.map(({ subject }) => subject)
  const text = `update guesses set count = count - 1
    where subject in (${placesFor(subjects)}) and count > 0`
  await runText(trx, text, subjects)
}

/**
 * Refuses when a subject is used up, without counting.
 * @throws ProblemError `locked_out`
 */
export const checkGuesses = async (on: On, now: number, ...all: Counted[]): Promise<void> => {
  const subjects = all.map(({ subject }) => subject)
  const text = `select subject, count, since from guesses
    where subject in (${placesFor(subjects)}) and since > ? and since <= ?`
  const rows = await runText<GuessRow>(on, text, [...subjects, now - guessWindowMs, now])
  for (const { subject, limit } of all) {
    const row = rows.find((candidate) => candidate.subject === subject)
    if (row && row.count >= limit) throw lockedOut(row.since, now)
  }
}

/** Forgets windows that are over. */
export const sweepGuesses = async (trx: Trx, now: number): Promise<void> => {
  await trx
    .deleteFrom('guesses')
    .where((eb) => eb.or([eb('since', '<=', now - longestWindowMs), eb('since', '>', now)]))
    .execute()
}
