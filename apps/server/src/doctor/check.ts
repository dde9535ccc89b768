import type { LoadedConfig } from '../config/load.ts'

/** `attention`: works, and could be better; `problem`: something will fail or is open to others. */
export type State = 'ok' | 'attention' | 'problem'

/** What a check found. Texts name files and settings, never secrets. */
export type Finding = {
  readonly state: State
  readonly finding: string
  /** What to do; always there unless all is well. */
  readonly remedy?: string
}

/** One best practice, looked at without changing anything and without calling anywhere. */
export type Check = {
  readonly name: string
  readonly look: (loaded: LoadedConfig, now: number) => Finding | Promise<Finding>
}

export const ok = (finding: string): Finding => ({ state: 'ok', finding })
export const attention = (finding: string, remedy: string): Finding => ({
  state: 'attention',
  finding,
  remedy,
})
export const problem = (finding: string, remedy: string): Finding => ({
  state: 'problem',
  finding,
  remedy,
})
