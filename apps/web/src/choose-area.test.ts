import { describe, expect, test } from 'vitest'
import type { Me } from './workers/account/api.ts'
import { areaOf, type Place } from './choose-area.ts'

const me = { role: 'member', mustReplaceRecoveryKey: false } as Me
const place = (change: Partial<Place>): Place => ({
  first: undefined,
  status: { at: 'signed-out' },
  flow: undefined,
  caught: undefined,
  ...change,
})
const unlocked = { at: 'unlocked', me } as const
const locked = { at: 'locked', name: 'ada', methods: [] } as const

describe('which area is shown', () => {
  test.each<[string, Partial<Place>, ReturnType<typeof areaOf>]>([
    ['nothing while it is asked', { status: { at: 'checking' } }, undefined],
    ['no server', { status: { at: 'unreachable', code: undefined } }, 'unreachable'],
    [
      'a new server, wherever one comes in',
      { first: 'files', status: { at: 'not-set-up' } },
      'set-up',
    ],
    ['signed out, at a page inside', { first: 'files' }, 'sign-in'],
    ['signed out, with an invitation', { first: 'sign-up' }, 'sign-up'],
    ['signed out, with an old set-up link', { first: 'set-up' }, 'set-up'],
    ['locked, at a page inside', { first: 'account', status: locked }, 'unlock'],
    ['in', { status: unlocked }, 'files'],
    ['in, at the sign-in page', { first: 'sign-in', status: unlocked }, 'files'],
    ['in, at a page', { first: 'account', status: unlocked }, 'account'],
    ['in, at the repositories', { first: 'repositories', status: unlocked }, 'repositories'],
    ['in, at no page', { first: 'nonsense', status: unlocked }, 'not-found'],
    [
      'a lie about the account comes before unlocking',
      { status: locked, caught: 'account_state' },
      'caught',
    ],
    [
      'a lie about the account comes before files',
      { status: unlocked, caught: 'account_state' },
      'caught',
    ],
    [
      'a used recovery key comes before files',
      { status: { at: 'unlocked', me: { ...me, mustReplaceRecoveryKey: true } } },
      'must-replace',
    ],
    [
      'an account that is being made keeps the page, whatever the worker says',
      { flow: 'set-up', status: unlocked },
      'set-up',
    ],
  ])('%s', (_name, change, area) => {
    expect(areaOf(place(change))).toBe(area)
  })
})
