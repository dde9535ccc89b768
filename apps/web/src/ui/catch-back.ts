/**
 * The browser's Back button inside a flow whose steps are no pages. One entry is put into the history; Back takes it
 * off, which `onBack` answers: true keeps the person here (and puts the entry back), false lets them go.
 */
export const catchBack = (onBack: () => boolean): (() => void) => {
  const put = (): void => history.pushState({ flow: true }, '', location.href)
  put()
  const back = (): void => {
    if (onBack()) put()
    else history.back()
  }
  addEventListener('popstate', back)
  return () => removeEventListener('popstate', back)
}
