/**
 * What tabs of this browser tell each other, worker to worker. The one secret that goes here is the unlock secret, only
 * as the answer to a tab that asked with a random id, and it is never stored on the way.
 */
import { isId, randomId } from './bytes.ts'

export type TabNews =
  | { readonly news: 'signed-in'; readonly account: string }
  | { readonly news: 'signed-out'; readonly account: string }
  | { readonly news: 'share-changed'; readonly account: string; readonly share: string }
  | { readonly news: 'shares-changed'; readonly account: string }

/** A method's secret with its type and id, as packages/member takes it. */
export type HandedSecret = {
  readonly type: number
  readonly id: Uint8Array<ArrayBuffer>
  readonly secret: Uint8Array<ArrayBuffer>
}

type Message =
  | TabNews
  | { readonly news: 'ask-unlock'; readonly ask: string; readonly account: string }
  | { readonly news: 'unlock'; readonly ask: string; readonly by: HandedSecret }

export type Tabs = {
  tell(news: TabNews): void
  /** Asks the other tabs of this account; undefined where none answers within `waitMs`. */
  askUnlock(account: string, waitMs: number): Promise<HandedSecret | undefined>
  close(): void
}

const isHanded = (by: unknown): by is HandedSecret => {
  const { type, id, secret } = (by ?? {}) as Partial<HandedSecret>
  return (
    typeof type === 'number' &&
    id instanceof Uint8Array &&
    id.length === 16 &&
    secret instanceof Uint8Array &&
    secret.length >= 16
  )
}

const news: readonly unknown[] = ['signed-in', 'signed-out', 'share-changed', 'shares-changed']

/** Other code of this origin, or another version of this app, may say anything here. */
const isNews = (data: object): data is TabNews => {
  const told = data as Partial<Record<string, unknown>>
  if (!news.includes(told['news']) || !isId(told['account'])) return false
  return told['news'] !== 'share-changed' || isId(told['share'])
}

const quiet: Tabs = {
  tell: () => undefined,
  askUnlock: () => Promise.resolve(undefined),
  close: () => undefined,
}

/** `findSecret` is what this tab could hand over for an account. */
export const createTabs = (
  onNews: (news: TabNews) => void,
  findSecret: (account: string) => HandedSecret | undefined,
): Tabs => {
  if (typeof BroadcastChannel === 'undefined') return quiet
  const channel = new BroadcastChannel('hearthold/tabs')
  const post = (message: Message): void => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel of this origin alone
    channel.postMessage(message)
  }
  const asking = new Map<string, (by: HandedSecret) => void>()
  channel.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    if (typeof data !== 'object' || data === null) return
    const told = data as Partial<Record<string, unknown>>
    if (told['news'] === 'ask-unlock') {
      const { ask, account } = told
      const by = isId(ask) && isId(account) ? findSecret(account) : undefined
      if (by) post({ news: 'unlock', ask: ask as string, by })
    } else if (told['news'] === 'unlock') {
      if (isId(told['ask']) && isHanded(told['by'])) asking.get(told['ask'])?.(told['by'])
    } else if (isNews(data)) onNews(data)
  })
  return {
    tell: post,
    askUnlock: (account, waitMs) =>
      new Promise((resolve) => {
        const ask = randomId()
        const end = (by: HandedSecret | undefined): void => {
          asking.delete(ask)
          resolve(by)
        }
        asking.set(ask, end)
        setTimeout(() => end(undefined), waitMs)
        post({ news: 'ask-unlock', ask, account })
      }),
    close: () => channel.close(),
  }
}
