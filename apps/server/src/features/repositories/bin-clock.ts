import { dayMs, type Db } from './deps.ts'

type State = {
  readonly confirmedAt: number
  /** When a clock that is not believed yet was first found so far ahead, and when last. */
  readonly jumpedAt: number | null
  readonly jumpSeenAt: number | null
}

/** What a sweep may believe of the time. */
export type SweepTime = {
  /** True where what is due by `now` may be destroyed. */
  readonly trusted: boolean
  readonly now: number
}

/**
 * The time of the bin.
 *
 * [Note: the bin's clock] What waits in the bin is destroyed by the clock, so a clock that is wrong must not destroy.
 * The greatest time that was ever believed is kept in the table. What is deleted is stamped with that or with now,
 * whichever is later: a clock set back cannot shorten a freeze. A sweep that finds the clock more than a day ahead of it
 * (a jump, or a server that was off) destroys nothing; the new time is believed once sweeps have found it going on from
 * there for a day. A clock that went back meanwhile was wrong, and is forgotten.
 */
export class BinClock {
  readonly #db: Db
  #state: State

  private constructor(db: Db, state: State) {
    this.#db = db
    this.#state = state
  }

  static async open(db: Db, now: number): Promise<BinClock> {
    const row = await db.selectFrom('repository_clock').selectAll().executeTakeFirst()
    if (row === undefined)
      await db
        .insertInto('repository_clock')
        .values({ id: 1, confirmed_at: now, jumped_at: null, jump_seen_at: null })
        .execute()
    return new BinClock(db, {
      confirmedAt: row?.confirmed_at ?? now,
      jumpedAt: row?.jumped_at ?? null,
      jumpSeenAt: row?.jump_seen_at ?? null,
    })
  }

  /** When something that is deleted now was deleted. */
  stamp(now: number): number {
    return Math.max(now, this.#state.confirmedAt)
  }

  /** Asked by each sweep, before it destroys. */
  async sweepAt(now: number): Promise<SweepTime> {
    const { next, trusted } = judge(this.#state, now)
    await this.#db
      .updateTable('repository_clock')
      .set({
        confirmed_at: next.confirmedAt,
        jumped_at: next.jumpedAt,
        jump_seen_at: next.jumpSeenAt,
      })
      .execute()
    this.#state = next
    return { trusted, now }
  }
}

/** See [Note: the bin's clock]. */
export const judge = (
  { confirmedAt, jumpedAt, jumpSeenAt }: State,
  now: number,
): { next: State; trusted: boolean } => {
  const believed = (at: number) => ({ confirmedAt: at, jumpedAt: null, jumpSeenAt: null })
  if (now - confirmedAt <= dayMs)
    return { next: believed(Math.max(confirmedAt, now)), trusted: true }
  const goesOn =
    jumpedAt !== null && jumpSeenAt !== null && now >= jumpSeenAt && now - jumpSeenAt <= dayMs
  const since = goesOn ? jumpedAt : now
  if (now - since < dayMs)
    return { next: { confirmedAt, jumpedAt: since, jumpSeenAt: now }, trusted: false }
  return { next: believed(now), trusted: true }
}
