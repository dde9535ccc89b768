/** Where something that floats goes: beside what it belongs to, and always wholly in view. Lengths in CSS px. */

export type Box = {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}
export type Size = { readonly width: number; readonly height: number }
export type Placed = { readonly left: number; readonly top: number; readonly maxHeight: number }

const gap = 4
const margin = 8

/**
 * Below `anchor`, or above where there is more room; its start edge at the anchor's, or its end at the anchor's end;
 * pushed inwards where it would leave the view.
 */
export const placeBeside = (
  anchor: Box,
  size: Size,
  view: Size,
  align: 'start' | 'end' | 'centre',
): Placed => {
  const below = view.height - anchor.bottom - gap - margin
  const above = anchor.top - gap - margin
  const goesBelow = size.height <= below || below >= above
  const maxHeight = Math.max(0, goesBelow ? below : above)
  const height = Math.min(size.height, maxHeight)
  const wanted = {
    start: anchor.left,
    end: anchor.right - size.width,
    centre: (anchor.left + anchor.right - size.width) / 2,
  }[align]
  return {
    left: Math.max(margin, Math.min(wanted, view.width - margin - size.width)),
    top: goesBelow ? anchor.bottom + gap : anchor.top - gap - height,
    maxHeight,
  }
}

/** Puts a shown popover beside an element. */
export const placePopover = (
  popover: HTMLElement,
  anchor: Element,
  align: 'start' | 'end' | 'centre',
): void => {
  popover.style.maxHeight = ''
  const { left, top, maxHeight } = placeBeside(
    anchor.getBoundingClientRect(),
    { width: popover.offsetWidth, height: popover.offsetHeight },
    { width: document.documentElement.clientWidth, height: innerHeight },
    align,
  )
  popover.style.left = `${left}px`
  popover.style.top = `${top}px`
  popover.style.maxHeight = `${maxHeight}px`
}
