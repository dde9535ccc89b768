/** `missed`: a backup was due and had not come. `before`: there was nothing yet that could have been backed up. */
export type DayState = 'snapshot' | 'none' | 'missed' | 'before'
export type CalendarDay = {
  /** YYYY-MM-DD. */
  readonly day: string
  /** Its first moment, ms since 1970. */
  readonly at: number
  readonly state: DayState
}
