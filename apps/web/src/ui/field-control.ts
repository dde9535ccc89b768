/** What a field hands to its control, to be spread on the input. */
export type FieldControl = {
  readonly id: string
  readonly 'aria-describedby': string | undefined
  readonly 'aria-invalid': 'true' | undefined
  readonly 'aria-required': 'true' | undefined
}

/** Takes the focus when it appears; a dialog that opens gives it to the first of these. */
export const focusWhen =
  (wanted: boolean) =>
  (element: HTMLElement): void => {
    if (wanted) element.focus()
  }

/** Enter in a one-line field. Not the Enter that ends a composition of an input method. */
export const enterOf =
  (act: (() => void) | undefined) =>
  (event: KeyboardEvent): void => {
    if (act === undefined || event.key !== 'Enter' || event.isComposing) return
    event.preventDefault()
    act()
  }
