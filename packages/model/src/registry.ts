import { accountRules } from './account/rules.ts'
import type { LogRules } from './rules.ts'
import { shareRules } from './share/rules.ts'

/** Rules whose view and facts are known only to themselves: what a log service handles any log with. */
export type AnyLogRules = LogRules<unknown, unknown, unknown>

const registry = new Map<number, AnyLogRules>(
  [accountRules, shareRules].map((rules) => [rules.kind, rules as unknown as AnyLogRules]),
)

/** The rules of a kind of log in a rules version; undefined for what this version does not know. */
export const rulesOf = (kind: number, version: number): AnyLogRules | undefined => {
  const rules = registry.get(kind)
  return rules?.version === version ? rules : undefined
}
