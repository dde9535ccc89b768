/**
 * Which rows of a long list are on screen, and where. Pure, so that it can be tested without a browser.
 *
 * Browsers end an element's height (Chromium at about 33 million px, Firefox at about 17 million). Longer lists are
 * given a lower height, and scrolling is stretched over it: one pixel of the bar is then more than one of the list.
 */
export const mostPixels = 15_000_000

export type RowsShape = {
  readonly total: number
  /** In CSS px. */
  readonly rowHeight: number
  /** Height of what is seen of the rows, in CSS px. */
  readonly view: number
}

/** Height of the element that is scrolled over. */
export const scrolledHeight = ({ total, rowHeight }: RowsShape): number =>
  Math.min(total * rowHeight, mostPixels)

/** Pixels of the list that stand above what is seen, from where the bar stands. */
export const listOffset = (shape: RowsShape, scrollTop: number): number => {
  const whole = shape.total * shape.rowHeight
  const height = scrolledHeight(shape)
  const top = Math.max(0, scrollTop)
  if (whole <= height) return top
  const way = height - shape.view
  return way <= 0 ? 0 : (Math.min(top, way) / way) * (whole - shape.view)
}

/** The reverse: where the bar stands when that many pixels of the list are above what is seen. */
export const barOffset = (shape: RowsShape, offset: number): number => {
  const whole = shape.total * shape.rowHeight
  const height = scrolledHeight(shape)
  if (whole <= height) return offset
  return (offset / (whole - shape.view)) * (height - shape.view)
}

/** First and last row to draw (last not included), and the shift from list to element pixels. */
export const rowsWindow = (
  shape: RowsShape,
  scrollTop: number,
  spare: number,
): { first: number; last: number; shift: number } => {
  // A list that has become shorter: the browser moves the bar a moment later.
  const top = Math.max(0, Math.min(scrollTop, scrolledHeight(shape) - shape.view))
  const offset = listOffset(shape, top)
  const first = Math.max(0, Math.floor(offset / shape.rowHeight) - spare)
  const last = Math.min(shape.total, Math.ceil((offset + shape.view) / shape.rowHeight) + spare)
  return { first: Math.min(first, shape.total), last, shift: top - offset }
}

/** Where the bar must stand for a row to be wholly seen; undefined where it is already. */
export const barForRow = (
  shape: RowsShape,
  scrollTop: number,
  index: number,
): number | undefined => {
  const offset = listOffset(shape, scrollTop)
  const top = index * shape.rowHeight
  const bottom = top + shape.rowHeight
  if (top < offset || shape.view < shape.rowHeight) return barOffset(shape, top)
  if (bottom > offset + shape.view) return barOffset(shape, bottom - shape.view)
  return undefined
}
