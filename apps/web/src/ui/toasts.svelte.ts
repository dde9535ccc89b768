/** Short messages about what was done. They leave by themselves, except those that say that something went wrong. */

export type ToastKind = 'ok' | 'info' | 'bad'
export type ToastAction = { readonly label: string; readonly run: () => void }
export type Toast = {
  readonly id: number
  readonly kind: ToastKind
  readonly text: string
  readonly action: ToastAction | undefined
}

const mostAtOnce = 3
const plainMs = 5_000
/** Long enough to decide about an undo. */
const withActionMs = 12_000

let last = 0
let shown = $state.raw<readonly Toast[]>([])
const timers = new Map<number, ReturnType<typeof setTimeout>>()
let paused = false

/** What is on screen now; reading it in a component follows it. */
export const toasts = {
  get shown(): readonly Toast[] {
    return shown
  },
}

/**
 * Shows a message. The same text is not shown twice: it begins anew. With an action (an undo) it stays longer; a bad one
 * stays until it is dismissed. Returns what takes it away.
 */
export const toast = (message: {
  kind?: ToastKind | undefined
  text: string
  action?: ToastAction | undefined
}): (() => void) => {
  const made: Toast = {
    id: ++last,
    kind: message.kind ?? 'ok',
    text: message.text,
    action: message.action,
  }
  const others = shown.filter((one) => one.text !== made.text)
  for (const one of shown) if (!others.includes(one)) stop(one.id)
  const kept = others.slice(-(mostAtOnce - 1))
  for (const one of others) if (!kept.includes(one)) stop(one.id)
  shown = [...kept, made]
  if (!paused) start(made)
  return () => dismissToast(made.id)
}

/** Takes a message away. */
export const dismissToast = (id: number): void => {
  stop(id)
  shown = shown.filter((one) => one.id !== id)
}

/** While the pointer or the focus is on the messages none leaves. */
export const holdToasts = (hold: boolean): void => {
  if (paused === hold) return
  paused = hold
  for (const one of shown) {
    if (hold) stop(one.id)
    else start(one)
  }
}

const start = (one: Toast): void => {
  if (one.kind === 'bad') return
  const ms = one.action === undefined ? plainMs : withActionMs
  timers.set(
    one.id,
    setTimeout(() => dismissToast(one.id), ms),
  )
}

const stop = (id: number): void => {
  clearTimeout(timers.get(id))
  timers.delete(id)
}
