/** One line of a menu, or the line between two groups. */
import type { Icon } from './icon.ts'

export type MenuItem =
  | 'separator'
  | {
      readonly label: string
      readonly icon?: Icon | undefined
      readonly onselect: () => void
      readonly danger?: boolean | undefined
      readonly disabled?: boolean | undefined
      /** One of several of which one holds: a tick where it does. */
      readonly checked?: boolean | undefined
    }
